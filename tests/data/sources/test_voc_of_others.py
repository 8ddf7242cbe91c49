"""PASCAL VOC's form as other programs write it: names of classes, the first pixel, lists, subfolders."""

import pytest

from keras_cnns import UserError
from tests.data.sources.writers import boxes, folder_of_voc, masks, picture, png, samples, square, write, xml


def beside(folder, rows):
    """Pictures with XML files beside them; rows: the objects of each picture."""
    for n, objects in enumerate(rows):
        picture(folder / f"{n}.png", n)
        xml(folder / f"{n}.xml", *objects)


@pytest.mark.parametrize("kinds", [("cat", "dog", "person"), ("car", "bus", "train"), ("person",)])
def test_classes_that_pascal_has_too_are_the_ones_that_are_met(tmp_path, kinds):
    beside(tmp_path, [[(kinds[n % len(kinds)], 11, 6, 30, 25)] for n in range(12)])
    assert boxes(tmp_path)[0] == tuple(sorted(kinds))


@pytest.mark.parametrize("name", ["classes.txt", "class_names.txt", "labelmap.txt", "predefined_classes.txt"])
def test_the_list_of_classes_under_the_names_that_programs_use(tmp_path, name):
    folder_of_voc(tmp_path, 10, ("cat", 11, 6, 30, 25))
    with_colours = "# label:color_rgb:parts:actions\ndog:0,128,0::\ncat:128,0,0::\n"
    write(tmp_path / name, with_colours if name == "labelmap.txt" else "dog\ncat\n")
    assert boxes(tmp_path)[0] == ("dog", "cat")


def test_the_background_of_a_list_for_masks_is_no_class_of_boxes(tmp_path):
    folder_of_voc(tmp_path, 10, ("cat", 11, 6, 30, 25))
    write(tmp_path / "class_names.txt", "_background_\ndog\ncat\n")
    assert boxes(tmp_path)[0] == ("dog", "cat")


def test_masks_in_vocs_layout_need_a_list(tmp_path):
    for n in range(10):
        picture(tmp_path / "JPEGImages" / f"{n}.png", n)
        png(tmp_path / "SegmentationClass" / f"{n}.png", square(2))
    with pytest.raises(UserError, match="does not say what its masks' values mean: write .*classes.txt"):
        masks(tmp_path)
    write(tmp_path / "class_names.txt", "_background_\nroad\nhouse\n")
    names, rows = masks(tmp_path)
    assert names == ("_background_", "road", "house") and (rows[3] == square(2)).all()


@pytest.mark.parametrize(
    ("first", "moved"),
    [
        (("w", 0, 5, 30, 25), 0),  # a side at 0
        (("w", 12, 0, 30, 25), 0),
        (("w", 12.5, 5, 30, 25), 0),  # between two pixels
        (("w", "12.0", "5.0", "30.0", "25.0"), 0),  # a decimal point, as datumaro writes
        (("w", 1, 1, 30, 25), 1),
        (("w", -3, 5, 30, 25), 1),  # over the border says nothing
    ],
)
def test_one_box_tells_where_the_whole_folder_starts_to_count(tmp_path, caplog, first, moved):
    beside(tmp_path, [[first], *([("w", 11, 6, 30, 25)] for _ in range(11))])
    assert boxes(tmp_path)[1][7] == [("w", 11 - moved, 6 - moved, 30, 25)]
    assert ("counted from 0 or from 1" in caplog.text) == bool(moved)


def test_a_file_says_where_the_folder_starts_to_count(tmp_path, caplog):
    beside(tmp_path, [[("w", 11, 6, 30, 25)]] * 12)
    write(tmp_path / "first_pixel.txt", "0\n")
    assert boxes(tmp_path)[1][7] == [("w", 11, 6, 30, 25)] and "counted from" not in caplog.text
    write(tmp_path / "first_pixel.txt", "1")
    assert boxes(tmp_path)[1][7] == [("w", 10, 5, 30, 25)]
    write(tmp_path / "first_pixel.txt", "zero")
    with pytest.raises(UserError, match="first_pixel.txt contains 'zero': write 0 or 1"):
        boxes(tmp_path)


def test_label_studio_counts_from_0(tmp_path):
    for n in range(10):
        picture(tmp_path / f"{n}.png", n)
        xml(tmp_path / f"{n}.xml", ("w", 11, 6, 30, 25), end="<owner><name>Label Studio</name></owner>")
    assert boxes(tmp_path)[1][7] == [("w", 11, 6, 30, 25)]


def test_pascals_own_files_count_from_1_although_a_few_have_fractions(tmp_path):
    source = "<source><database>The VOC2008 Database</database></source>"
    for n in range(10):
        picture(tmp_path / f"2011_{n:06d}.png", n)
        xml(tmp_path / f"2011_{n:06d}.xml", ("cat", "45.5" if n == 3 else 46, 6, 60, 25), start=source)
    names, rows = boxes(tmp_path)
    assert len(names) == 20 and rows[7] == [("cat", 45, 5, 60, 25)]


def test_objects_that_are_all_difficult_are_refused(tmp_path):
    beside(tmp_path, [[("w", 11, 6, 30, 25, "difficult")]] * 10)
    with pytest.raises(UserError, match="all 10 objects .* are marked as difficult"):
        boxes(tmp_path)


def lists(folder, **names):
    for name, lines in names.items():
        write(folder / "ImageSets" / "Main" / f"{name}.txt", "".join(f"{line}\n" for line in lines))


def test_a_list_of_one_name_other_than_a_split_selects_pictures(tmp_path):
    folder_of_voc(tmp_path, 12)
    lists(tmp_path, default=range(11))
    assert sorted(boxes(tmp_path)[1]) == list(range(11))


@pytest.mark.parametrize("line", ["{}.png", "JPEGImages/{}.png", "{}  1", "  {} ", ".\\JPEGImages\\{}.png"])
def test_lines_of_lists_as_programs_write_them(tmp_path, line):
    folder_of_voc(tmp_path, 4)
    lists(tmp_path, train=[line.format(2)], val=[line.format(3)])
    assert list(boxes(tmp_path, "train")[1]) == [2] and list(boxes(tmp_path, "test")[1]) == [3]


def test_a_number_behind_a_name_may_belong_to_it(tmp_path):
    for n, stem in enumerate(("pic", "pic 1", "pic 0")):
        picture(tmp_path / "JPEGImages" / f"{stem}.png", n)
        xml(tmp_path / "Annotations" / f"{stem}.xml", ("w", 1, 1, 10 + n, 10))
    lists(tmp_path, train=["pic 1", "pic -1"], val=["pic 0"])
    assert sorted(boxes(tmp_path, "train")[1]) == [0, 1]  # "pic -1" is the picture without the flag
    assert sorted(boxes(tmp_path, "test")[1]) == [2]


def test_pictures_of_a_list_without_xml_show_nothing(tmp_path, caplog):
    folder_of_voc(tmp_path, 4)
    for n, stem in ((200, "empty"), (210, "forgotten")):
        picture(tmp_path / "JPEGImages" / f"{stem}.png", n)
    lists(tmp_path, train=[0, "empty"], val=[1, 2])
    assert boxes(tmp_path, "train")[1] == {0: [("widget", 10, 5, 30, 25)], 200: []}
    assert "1 pictures of" in caplog.text and "forgotten.png" in caplog.text
    lists(tmp_path, train=[0, "gone"])
    with pytest.raises(UserError, match="train.txt names gone, which does not exist"):
        boxes(tmp_path, "train")


def test_subfolders_distinguish_files_of_one_name(tmp_path):
    for n, camera in enumerate(("left", "right")):
        picture(tmp_path / "JPEGImages" / camera / "0001.png", n)
        xml(tmp_path / "Annotations" / camera / "0001.xml", ("w", 1, 1, 10 + n, 10))
    lists(tmp_path, train=["left/0001"], val=["right/0001"])
    assert boxes(tmp_path, "train")[1] == {0: [("w", 0, 0, 10, 10)]}
    assert boxes(tmp_path, "test")[1] == {1: [("w", 0, 0, 11, 10)]}


def test_a_listed_picture_without_a_mask_is_left_out(tmp_path, caplog):
    for n in range(4):
        picture(tmp_path / "JPEGImages" / f"{n}.png", n)
        if n != 1:
            png(tmp_path / "SegmentationClass" / f"{n}.png", square(1))
    write(tmp_path / "classes.txt", "background\nroad\n")
    for name, lines in (("train", "0\n1\n"), ("val", "2\n3\n")):
        write(tmp_path / "ImageSets" / "Segmentation" / f"{name}.txt", lines)
    assert list(masks(tmp_path, "train")[1]) == [0] and "without a mask are left out" in caplog.text


def test_the_number_of_the_first_pixel_is_part_of_the_fingerprint(tmp_path):
    from keras_cnns.data.sources.by_name import open_source

    beside(tmp_path, [[("w", 11, 6, 30, 25)]] * 12)
    keys = []
    for first in "10":
        write(tmp_path / "first_pixel.txt", first)
        keys.append(open_source(f"folder:{tmp_path}", "train", "boxes").key)
    assert keys[0] != keys[1]
    assert samples(tmp_path, "train", "boxes")[0] == ("w",)


def test_xml_about_something_else_is_skipped(tmp_path, caplog):
    beside(tmp_path, [[("w", 11, 6, 30, 25)]] * 10)
    write(tmp_path / "pom.xml", "<project/>")
    assert len(boxes(tmp_path)[1]) == 10 and "pom.xml as VOC's XML: it is a file of 'project'" in caplog.text
    write(tmp_path / "3.xml", "<project/>")
    with pytest.raises(UserError, match="3.xml as VOC's XML"):
        boxes(tmp_path)


def test_cvats_own_xml_is_refused_with_the_formats_to_export(tmp_path):
    picture(tmp_path / "images" / "0.png", 0)
    write(tmp_path / "annotations.xml", "<annotations><version>1.1</version></annotations>")
    with pytest.raises(UserError, match="'annotations'.* Export COCO or PASCAL VOC from CVAT"):
        boxes(tmp_path)


@pytest.mark.parametrize("shape", ["robndbox", "polygon"])
def test_objects_without_an_upright_box_are_named(tmp_path, shape):
    picture(tmp_path / "0.png", 0)
    write(tmp_path / "0.xml", f"<annotation><object><name>w</name><{shape}/></object></annotation>")
    with pytest.raises(UserError, match=f"0.xml .*'w' has no bndbox, but a {shape}: export upright boxes"):
        boxes(tmp_path)


@pytest.mark.parametrize("place", ["", "ImageSets", "ImageSets/Main"])
@pytest.mark.parametrize("names", [("train", "val"), ("train_set", "val_set"), ("trainval", "test")])
def test_lists_of_splits_wherever_they_lie(tmp_path, place, names):
    folder_of_voc(tmp_path, 6)
    for name, numbers in zip(names, (range(4), (4, 5)), strict=True):
        write(tmp_path / place / f"{name}.txt", "".join(f"JPEGImages/{n}.png Annotations/{n}.xml\n" for n in numbers))
    write(tmp_path / "ImageSets" / "Main" / "widget_train.txt", "0 1\n5 -1\n")  # VOC's list of one class
    write(tmp_path / "classes.txt", "widget\n")
    assert sorted(boxes(tmp_path, "train")[1]) == [0, 1, 2, 3] and sorted(boxes(tmp_path, "test")[1]) == [4, 5]


def test_a_text_called_like_a_split_that_lists_no_picture_is_no_list(tmp_path):
    folder_of_voc(tmp_path, 10)
    write(tmp_path / "train.txt", "epoch 1 loss 0.3\n")
    assert len(boxes(tmp_path)[1]) == 10
