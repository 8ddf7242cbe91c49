"""COCO's form as other programs write it: crowds, sizes, names of files, outlines as masks."""

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as reference

from keras_cnns import UserError
from keras_cnns.data.sources.by_name import open_source
from keras_cnns.data.sources.outlines import decode_rle, fill
from tests.data.sources.writers import HEIGHT, WIDTH, boxes, coco, corners, masks, picture, square, write, xml

BOX = (5, 5, 25, 25)


def folder_of(path, rows, name="annotations.json", first=0, **fields):
    for n, file in enumerate(rows, first):
        picture(path / file, n)
    write(path / name, coco(rows, **fields))


def ten(kind="road"):
    return {f"{n}.png": [(kind, *BOX)] for n in range(10)}


def test_objects_that_are_all_crowds_are_ordinary_objects(tmp_path, caplog):
    folder_of(tmp_path, ten(), iscrowd=1)
    assert boxes(tmp_path)[1] == {n: [("road", *BOX)] for n in range(10)}
    assert "every object is marked as a crowd" in caplog.text


def test_a_class_of_crowds_beside_others_is_reported(tmp_path, caplog):
    rows = {f"{n}.png": [("road", *BOX), ("car", 30, 5, 50, 25)] for n in range(10)}
    content = coco(rows)
    for row in content["annotations"]:
        row["iscrowd"] = int(row["category_id"] == 1)
    folder_of(tmp_path, rows)
    write(tmp_path / "annotations.json", content)
    assert boxes(tmp_path)[1][3] == [("car", 30, 5, 50, 25)]
    assert "all 10 objects of the class 'road' are marked as crowds" in caplog.text


def test_objects_that_are_all_to_be_ignored_are_refused(tmp_path):
    folder_of(tmp_path, ten(), ignore=1)
    with pytest.raises(UserError, match="all 10 objects are marked with ignore 1"):
        boxes(tmp_path)


@pytest.mark.parametrize(("width", "height"), [(0, 0), (None, 0), ("0", "0")])
def test_a_size_of_0_is_unknown(tmp_path, width, height):
    folder_of(tmp_path, ten())
    content = coco(ten())
    for row in content["images"]:
        row.update(width=width, height=height)
    write(tmp_path / "annotations.json", content)
    assert len(boxes(tmp_path)[1]) == 10


@pytest.mark.parametrize("text", ["// of an editor\n{}", "", '{"a": 1}', "[1, 2", "NaN,"])
def test_json_about_something_else_is_passed_over(tmp_path, text):
    folder_of(tmp_path, ten())
    write(tmp_path / "settings.json", text)
    assert len(boxes(tmp_path)[1]) == 10
    (tmp_path / "annotations.json").unlink()
    for n in range(10):
        xml(tmp_path / f"{n}.xml", ("road", 6, 6, 25, 25))
    assert len(boxes(tmp_path)[1]) == 10


@pytest.mark.parametrize("name", ["instances_val.json", "my_annotations.json"])
def test_json_that_is_meant_is_not_passed_over(tmp_path, name):
    folder_of(tmp_path, ten())
    write(tmp_path / name, "{")
    with pytest.raises(UserError, match=f"{name} cannot be read as JSON"):
        boxes(tmp_path)


@pytest.mark.parametrize("names", [("instances_default", "val_instances_default"), ("project", "project_test")])
def test_a_file_without_a_split_beside_one_of_a_held_out_split_is_for_training(tmp_path, names):
    first, second = ten(), {f"v{n}.png": [("car", *BOX)] for n in range(3)}
    folder_of(tmp_path, first, f"annotations/{names[0]}.json")
    folder_of(tmp_path, second, f"annotations/{names[1]}.json", first=100)
    assert len(boxes(tmp_path, "train")[1]) == 10 and sorted(boxes(tmp_path, "test")[1]) == [100, 101, 102]


def test_a_line_break_in_the_name_of_a_class_becomes_a_space(tmp_path):
    content = coco(ten(), names=("road",))
    content["categories"][0]["name"] = "wet\r\nroad"
    folder_of(tmp_path, ten())
    write(tmp_path / "annotations.json", content)
    assert boxes(tmp_path)[0] == ("wet road",)


@pytest.mark.parametrize("background", ["_background_", "background", "__background__"])
def test_a_background_without_objects_is_no_class_of_boxes(tmp_path, background):
    content = coco(ten(), names=("road",), segmentation=corners)
    content["categories"].insert(0, {"id": 0, "name": background})
    folder_of(tmp_path, ten())
    write(tmp_path / "annotations.json", content)
    assert boxes(tmp_path)[0] == ("road",)
    assert masks(tmp_path)[0] == ("background", "road")


def test_a_background_with_objects_is_a_class(tmp_path):
    content = coco(ten("background"), names=("background",))
    folder_of(tmp_path, ten())
    write(tmp_path / "annotations.json", content)
    assert boxes(tmp_path)[0] == ("background",)


def runs(box, compressed):
    """The rectangle in COCO's run lengths."""
    x1, y1, x2, y2 = box
    encoded = reference.encode(np.asfortranarray(square(1, slice(y1, y2), slice(x1, x2))))
    if compressed:
        return {"size": encoded["size"], "counts": encoded["counts"].decode()}
    flat = square(1, slice(y1, y2), slice(x1, x2)).T.ravel()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat, [2]])))
    return {"size": encoded["size"], "counts": np.diff(edges, prepend=0).tolist()}


@pytest.mark.parametrize("form", ["polygons", "run lengths", "compressed run lengths"])
def test_outlines_become_masks(tmp_path, form):
    shape = corners if form == "polygons" else lambda box: runs(box, form.startswith("compressed"))
    rows = {f"{n}.png": [(("road", "car")[n % 2], 20, 10, 60, 40)] for n in range(10)}
    folder_of(tmp_path, rows, segmentation=shape)
    names, masks_by_picture = masks(tmp_path)
    assert names == ("background", "road", "car") and len(masks_by_picture) == 10
    for n, mask in masks_by_picture.items():
        np.testing.assert_array_equal(mask, square(1 + n % 2))


def test_later_objects_cover_earlier_ones_and_ignored_ones_are_void(tmp_path, caplog):
    rows = {f"{n}.png": [("road", 0, 0, 80, 60), ("car", 20, 10, 60, 40), ("car", 0, 0, 10, 10)] for n in range(10)}
    content = coco(rows, segmentation=corners)
    for row in content["annotations"][2::3]:
        row["ignore"] = 1
    folder_of(tmp_path, rows)
    write(tmp_path / "annotations.json", content)
    mask = masks(tmp_path)[1][4]
    assert (mask[10:40, 20:60] == 2).all() and (mask[:10, :10] == 255).all() and (mask[50:] == 1).all()
    assert "overlap" in caplog.text


@pytest.mark.parametrize(
    ("shape", "line"),
    [
        ([], "has no segmentation"),
        ([[1, 2, 3, 4]], "at least three points"),
        ([[1, 2, 3, 4, 5]], "at least three points"),
        ([[1, 2, 3, 4, 5, "x"]], "at least three points"),
        ([[1, 2, 3, 4, 5, float("nan")]], "at least three points"),
        ([[1, 2, 3, 4, 5, 1e9]], "far outside"),
        ({"size": [60, 80], "counts": [10, 20]}, "do not fill"),
        ({"size": [60, 80], "counts": [-10, 4810]}, "do not fill"),
        ({"size": [60, 80], "counts": "~~~"}, "do not fill"),
        ({"size": [60, 80], "counts": "0"}, "do not fill"),
        ({"size": [80, 60], "counts": [4800]}, "and the picture"),
        ({"counts": [4800]}, "and the picture"),
    ],
)
def test_an_outline_that_cannot_be_is_named(tmp_path, shape, line):
    folder_of(tmp_path, ten(), segmentation=corners)
    content = coco(ten(), segmentation=corners)
    content["annotations"][0]["segmentation"] = shape
    write(tmp_path / "train.json", content)
    (tmp_path / "annotations.json").unlink()
    with pytest.raises(UserError, match=line) as error:
        masks(tmp_path, "train")
    assert "train.json" in str(error.value) and "\n" not in str(error.value)


def test_run_lengths_and_polygons_are_those_of_pycocotools():
    chance = np.random.default_rng(0)
    for _ in range(30):
        size = tuple(int(n) for n in chance.integers(1, 50, 2))
        pixels = (chance.random(size) < chance.random()).astype("uint8")
        encoded = reference.encode(np.asfortranarray(pixels))
        np.testing.assert_array_equal(decode_rle({**encoded, "counts": encoded["counts"].decode()}, size, ""), pixels)
        polygon = (chance.random((5, 2)) * [WIDTH, HEIGHT]).ravel()
        filled = reference.decode(reference.frPyObjects([polygon.tolist()], HEIGHT, WIDTH))[..., 0]
        np.testing.assert_array_equal(fill([polygon], (HEIGHT, WIDTH), ""), filled)


def test_changed_outlines_change_the_fingerprint(tmp_path):
    folder_of(tmp_path, ten(), segmentation=corners)
    before = open_source(f"folder:{tmp_path}", "train", "mask").key
    write(tmp_path / "annotations.json", coco(ten(), segmentation=lambda b: corners((0, 0, *b[2:]))))
    assert open_source(f"folder:{tmp_path}", "train", "mask").key != before


def test_boxes_with_x2_and_y2_are_refused(tmp_path):
    """As from torchvision's tutorials: they fit the pictures only if they are read as corners."""
    folder_of(tmp_path, {f"{n}.png": [("road", 10, 10, 30, 40), ("car", 50, 20, 79, 59)] for n in range(10)})
    content = coco({f"{n}.png": [("road", 10, 10, 30, 40), ("car", 50, 20, 79, 59)] for n in range(10)})
    for row in content["annotations"]:
        x, y, width, height = row["bbox"]
        row["bbox"] = [x, y, x + width, y + height]
    write(tmp_path / "annotations.json", content)
    with pytest.raises(UserError, match="reach beyond .* x1, y1, x2, y2: write x, y, width, height"):
        boxes(tmp_path)


def test_a_box_over_the_border_does_not_make_corners_of_the_others(tmp_path):
    rows = {f"{n}.png": [("road", 60, 40, 90, 70), ("car", 0, 0, 80, 60)] for n in range(10)}
    folder_of(tmp_path, rows)
    assert boxes(tmp_path)[1][0] == [("car", 0, 0, 80, 60), ("road", 60, 40, 80, 60)]


@pytest.mark.parametrize("read", [boxes, masks])
def test_panoptic_annotations_are_refused_with_what_to_take(tmp_path, read):
    folder_of(tmp_path, ten())
    content = coco(ten())
    content["annotations"] = [{"image_id": 0, "file_name": "0.png", "segments_info": [{"id": 1, "category_id": 1}]}]
    write(tmp_path / "annotations.json", content)
    with pytest.raises(UserError, match="panoptic annotations .* take the file of its instances"):
        read(tmp_path)


def rotated(path, orientation, size=(WIDTH, HEIGHT)):
    image = Image.new("RGB", size, (0, 90, 160))
    exif = image.getexif()
    exif[0x112] = orientation
    image.save(path, exif=exif)


def test_pictures_that_exif_turns_are_reported(tmp_path, caplog):
    folder_of(tmp_path, ten())
    rotated(tmp_path / "0.png", 3)
    assert (
        boxes(tmp_path)[1][0] == [("road", *BOX)]
        and "are taken to belong to the pictures as they are shown" in caplog.text
    )
    rotated(tmp_path / "0.png", 6)
    with pytest.raises(
        UserError, match="80 x 60 pixels, but it is 60 x 80: .* EXIF orientation turns it: save it upright"
    ):
        boxes(tmp_path)


def test_a_polygon_that_crosses_the_picture_without_end_is_refused():
    """Its pixels are walked along: 10 MB of points across a large picture would take 160 GB."""
    assert fill([[0, 0, 80, 0, 80, 60]], (60, 80), "a.json").any()
    with pytest.raises(UserError, match="a.json: the polygons of an object are .* pixels long"):
        fill([[0, 0, 80, 60] * 15_000] * 3, (60, 80), "a.json")
