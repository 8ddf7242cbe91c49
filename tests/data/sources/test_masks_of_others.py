"""Mask files as other programs write them: white for a class, colours, Cityscapes, Roboflow."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_cnns import UserError
from tests.data.sources.writers import HEIGHT, WIDTH, masks, picture, png, square, write


def pairs(folder, values, names="background\nroad\n", count=10):
    """values: a mask, or a function of the picture's number."""
    for n in range(count):
        picture(folder / "images" / f"{n}.png", n)
        png(folder / "masks" / f"{n}.png", values(n) if callable(values) else values)
    if names:
        write(folder / "classes.txt", names)
    return folder


def test_white_is_the_second_of_two_classes(tmp_path, caplog):
    masks_by_picture = masks(pairs(tmp_path, lambda n: square(255 * (n > 2))))[1]
    assert (
        (masks_by_picture[5] == square(1)).all()
        and not masks_by_picture[0].any()
        and "255 is read as 'road'" in caplog.text
    )


def test_white_of_three_channels_is_the_second_class_too(tmp_path):
    assert (masks(pairs(tmp_path, np.repeat(square(255)[..., None], 3, -1)))[1][5] == square(1)).all()


def test_white_is_void_where_any_mask_has_a_1(tmp_path):
    masks_by_picture = masks(pairs(tmp_path, lambda n: square(1 if n == 7 else 255)))[1]
    assert (masks_by_picture[5] == square(255)).all() and (masks_by_picture[7] == square(1)).all()


def test_white_with_three_classes_is_refused(tmp_path):
    pairs(tmp_path, square(255), "background\nroad\ncar\n")
    with pytest.raises(UserError, match="hold 0 and 255 only, 255 is void, and .*classes.txt lists 3 classes"):
        masks(tmp_path)


def test_a_1_among_masks_in_which_white_is_a_class_is_named(tmp_path):
    """More masks than are looked at: what the first ones say must hold for all."""
    pairs(tmp_path, square(255), count=2)
    for n in range(2, 420):
        (tmp_path / "images" / f"{n:03}.png").hardlink_to(tmp_path / "images" / "0.png")
        (tmp_path / "masks" / f"{n:03}.png").hardlink_to(tmp_path / "masks" / "0.png")
    odd = sorted((tmp_path / "masks").iterdir())[1]
    odd.unlink()
    png(odd, square(1))
    from keras_cnns.data.decoding import decoded
    from keras_cnns.data.sources.by_name import open_source

    with pytest.raises(UserError, match="has the value 1, which stands for no class"):
        for split in ("train", "test"):
            source = open_source(f"folder:{tmp_path}", split, "mask")
            (number,) = [n for n in range(source.count) if source.where(n) == str(odd)] or [0]
            decoded(source, number)


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize(("value", "label"), [(1, 1), (65535, 1), (257, 1), (255, 1)])
def test_masks_of_16_bits(tmp_path, value, label, ending, caplog):
    """0 and 1 are labels; 65535 is white and 257 is 1, as 8 bits are stored in 16."""
    pairs(tmp_path, square(0))
    for n in range(10):
        (tmp_path / "masks" / f"{n}.png").unlink()
        Image.fromarray(square(1).astype("uint16") * value).save(tmp_path / "masks" / f"{n}.{ending}")
    assert all((mask == square(label)).all() for mask in masks(tmp_path)[1].values())
    assert ("multiples of 257" in caplog.text) == (value > 255)


def test_masks_of_16_bits_with_three_classes_or_a_value_between(tmp_path):
    pairs(tmp_path, square(0), "background\nroad\ncar\n", count=6)
    for value, message in ((65535, "hold 0 and 255 only"), (300, "has the label 300"), (257 * 3, "has the label 3")):
        for n in range(6):
            Image.fromarray(square(1).astype("uint16") * value).save(tmp_path / "masks" / f"{n}.png")
        with pytest.raises(UserError, match=message):
            masks(tmp_path)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_several_channels_of_16_bits_are_refused(tmp_path, channels):
    """Pillow keeps the upper 8 bits of each, so that a label of 1 would become 0."""
    pairs(tmp_path, square(0))
    values = np.repeat(square(1)[..., None].astype(">u2"), channels, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    parts = [struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks]
    for n in range(10):
        (tmp_path / "masks" / f"{n}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    with pytest.raises(UserError, match="several channels of 16 bits"):
        masks(tmp_path)


LABELMAP = "# label:color_rgb:parts:actions\nroad:128,64,128::\nbackground:0,0,0::\ncar:0,0,142::\n"
COLOURS = {0: (0, 0, 0), 1: (128, 64, 128), 2: (0, 0, 142)}


def test_colours_of_a_labelmap(tmp_path):
    pairs(tmp_path, lambda n: np.array([*COLOURS.values()])[square(1 + n % 2)], names=None)
    write(tmp_path / "labelmap.txt", LABELMAP)
    names, masks_by_picture = masks(tmp_path)
    assert names == ("background", "road", "car")
    assert all((masks_by_picture[n] == square(1 + n % 2)).all() for n in range(10))


def test_colours_of_a_palette_and_void(tmp_path):
    pairs(tmp_path, square(0), names=None)
    write(tmp_path / "labelmap.txt", LABELMAP)
    for n in range(10):
        image = Image.fromarray(square(7))
        image.putpalette([0, 0, 0] * 7 + [0, 0, 142])
        image.save(tmp_path / "masks" / f"{n}.png")
    assert (masks(tmp_path)[1][3] == square(2)).all()
    png(tmp_path / "masks" / "3.png", np.where(square(1)[..., None], (224, 224, 192), (0, 0, 0)))
    assert (masks(tmp_path)[1][3] == square(255)).all()


def test_numbers_of_the_lines_of_a_labelmap(tmp_path):
    pairs(tmp_path, square(2), names=None)
    write(tmp_path / "labelmap.txt", LABELMAP)
    names, masks_by_picture = masks(tmp_path)
    assert names[2] == "car" and (masks_by_picture[3][square(1) == 1] == 2).all()


def test_a_labelmap_without_colours_has_pascals(tmp_path):
    """As datumaro writes it: (128, 0, 0) is class 1, (0, 128, 0) class 2."""
    pairs(tmp_path, np.array([(0, 0, 0), (128, 0, 0), (0, 128, 0)])[square(2)], names=None)
    write(tmp_path / "labelmap.txt", "# label:color_rgb:parts:actions\nbackground:::\nroad:::\ncar:::\n")
    names, masks_by_picture = masks(tmp_path)
    assert names == ("background", "road", "car") and (masks_by_picture[3] == square(2)).all()


@pytest.mark.parametrize(
    ("labelmap", "message"),
    [
        (LABELMAP, r"has the colour \(9, 9, 8\), which is not in .*labelmap.txt"),
        ("background:0,0,0::\nroad:0,0,0::\n", "a different colour for each class"),
        ("background:0,0,0::\nroad:0,0,256::\n", "a different colour for each class"),
        (None, "list the colours in labelmap.txt"),
    ],
)
def test_colours_that_stand_for_nothing_are_named(tmp_path, labelmap, message):
    pairs(tmp_path, np.where(square(1)[..., None], (9, 9, 8), (0, 0, 0)), names=None if labelmap else "a\nb\n")
    if labelmap:
        write(tmp_path / "labelmap.txt", labelmap)
    with pytest.raises(UserError, match=message):
        masks(tmp_path)


def cityscapes(folder, *kinds, city="ulm"):
    """Pictures of true names; kinds: (ending, value of the object)."""
    for n, split in enumerate(["train"] * 3 + ["val"] * 2 + ["test"]):
        stem = f"{city}_{n:06}_000019"
        picture(folder / "leftImg8bit" / split / city / f"{stem}_leftImg8bit.png", n)
        for ending, value in kinds:
            png(folder / "gtFine" / split / city / f"{stem}_gtFine_{ending}.png", square(value))


def test_cityscapes_has_its_own_classes_where_no_others_are_listed(tmp_path, caplog):
    cityscapes(tmp_path, ("labelIds", 26), ("instanceIds", 3), ("color", 9))
    names, masks_by_picture = masks(tmp_path, "train")
    assert len(names) == 19 and (names[0], names[13]) == ("road", "car") and len(masks_by_picture) == 3
    assert (masks_by_picture[0][square(1) == 1] == 13).all() and masks_by_picture[0][0, 0] == 255  # 0 is "unlabeled"
    assert sorted(masks(tmp_path, "test")[1]) == [3, 4]  # the test split's labels are secret
    assert "1 pictures of Cityscapes' test split have no public labels" in caplog.text


def test_cityscapes_training_labels_come_first(tmp_path):
    cityscapes(tmp_path, ("labelIds", 26), ("labelTrainIds", 13))
    assert (masks(tmp_path, "train")[1][0][square(1) == 1] == 13).all()


def test_a_folder_in_cityscapes_layout_with_other_names_needs_a_list(tmp_path):
    for n in range(3):
        picture(tmp_path / "leftImg8bit" / "train" / f"p{n}_leftImg8bit.png", n)
        png(tmp_path / "gtFine" / "train" / f"p{n}_gtFine_labelIds.png", square(1))
    with pytest.raises(UserError, match="write .*classes.txt"):
        masks(tmp_path, "train")
    write(tmp_path / "classes.txt", "background\nzebra\n")
    assert (masks(tmp_path, "train")[1][0] == square(1)).all()


def roboflow(folder, csv="Pixel Value, Class\n0, background\n1, cat\n2, dog\n", splits=("train", "valid")):
    for k, split in enumerate(splits):
        for n in range(10 * k, 10 * k + 3):
            picture(folder / split / f"{n}_png.rf.a{n}.jpg", n)
            png(folder / split / f"{n}_png.rf.a{n}_mask.png", square(1 + n % 2))
        write(folder / split / "_classes.csv", csv)


def test_roboflows_masks_beside_their_pictures(tmp_path):
    roboflow(tmp_path)
    names, result = masks_of_jpegs(tmp_path, "train")
    assert names == ("background", "cat", "dog") and len(result) == 3
    assert sorted(int(mask.max()) for mask in result) == [1, 1, 2]
    assert len(masks_of_jpegs(tmp_path, "test")[1]) == 3


def masks_of_jpegs(folder, split):
    from keras_cnns.data.decoding import decoded
    from keras_cnns.data.sources.by_name import open_source

    source = open_source(f"folder:{folder}", split, "mask")
    return source.names, [decoded(source, n).mask for n in range(source.count)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: write(f / "valid/_classes.csv", "Pixel Value, Class\n0, background\n1, dog\n"), "different classes"),
        (lambda f: roboflow(f, "Pixel Value, Class\n0, background\n2, cat\n"), "from 0 on without a gap"),
        (lambda f: next((f / "train").glob("*_mask.png")).unlink(), "has no mask"),
        (lambda f: next((f / "train").glob("*.jpg")).unlink(), "has no picture"),
    ],
)
def test_roboflows_masks_that_cannot_be_are_named(tmp_path, change, message):
    roboflow(tmp_path)
    change(tmp_path)
    with pytest.raises(UserError, match=message):
        masks_of_jpegs(tmp_path, "train")


def test_sizes_are_those_of_the_pictures(tmp_path):
    pairs(tmp_path, np.zeros((HEIGHT, WIDTH + 1)))
    with pytest.raises(UserError, match="81 x 60 pixels, and its picture 80 x 60"):
        masks(tmp_path)


@pytest.mark.parametrize("white", [0, 255])
@pytest.mark.parametrize("channels", [1, 3])
def test_masks_in_the_transparency_alone_are_refused(tmp_path, white, channels):
    colours = np.full((HEIGHT, WIDTH, channels), white)
    pairs(tmp_path, np.concatenate([colours, square(255)[..., None]], -1))
    with pytest.raises(UserError, match="has one colour, and parts of it are transparent"):
        masks(tmp_path)


def test_white_is_the_second_class_of_a_labelmap_too(tmp_path, caplog):
    pairs(tmp_path, square(255), names=None)
    write(tmp_path / "labelmap.txt", "background:0,0,0::\nroad:128,0,0::\n")
    assert (masks(tmp_path)[1][3] == square(1)).all() and "255 is read as 'road'" in caplog.text
    write(tmp_path / "labelmap.txt", "background:0,0,0::\nroad:255,255,255::\n")
    assert (masks(tmp_path)[1][3] == square(1)).all()
    write(tmp_path / "labelmap.txt", LABELMAP)
    with pytest.raises(UserError, match="hold 0 and 255 only, 255 is void, and .* lists 3 classes"):
        masks(tmp_path)


def test_numbers_of_a_labelmap_mean_the_same_in_every_mask(tmp_path):
    """A mask of zeros alone could also be the colour (0, 0, 0): the other masks decide."""
    pairs(tmp_path, lambda n: square(2) if n % 2 else square(0), names=None)
    write(tmp_path / "labelmap.txt", LABELMAP)  # its number 0 is road, and its colour (0, 0, 0) is background
    masks_by_picture = masks(tmp_path)[1]
    assert (masks_by_picture[0] == 1).all() and masks_by_picture[1][0, 0] == 1


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("{}/images", "{}/masks"),
        ("{}", "{}annot"),  # CamVid
        ("{}", "{}_labels"),
        ("img_dir/{}", "ann_dir/{}"),  # OpenMMLab
    ],
)
def test_pairs_of_folders_for_each_split(tmp_path, images, labels):
    for split, numbers in (("train", range(3)), ("val", (3, 4))):
        for n in numbers:
            picture(tmp_path / images.format(split) / f"{n}.png", n)
            png(tmp_path / labels.format(split) / f"{n}.png", square(1))
    write(tmp_path / "classes.txt", "background\nroad\n")
    assert sorted(masks(tmp_path, "train")[1]) == [0, 1, 2] and sorted(masks(tmp_path, "test")[1]) == [3, 4]


def test_lists_of_splits_beside_a_pair_of_folders(tmp_path):
    pairs(tmp_path, square(1))
    write(tmp_path / "train.txt", "".join(f"images/{n}.png masks/{n}.png\n" for n in range(7)))
    write(tmp_path / "val.txt", "7\n8\n")
    assert sorted(masks(tmp_path, "train")[1]) == list(range(7)) and sorted(masks(tmp_path, "test")[1]) == [7, 8]
