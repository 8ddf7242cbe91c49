"""YOLO's folders: data.yaml in its many spellings, label files, boxes and polygons."""

import numpy as np
import pytest

from keras_cnns import UserError
from keras_cnns.data.sources.by_name import open_source
from tests.data.sources.writers import boxes, masks, picture, samples, square, write, yolo_line

NAMES = ("cat", "zebra crossing", "dog")
BOX = (20, 15, 40, 45)
LINE = yolo_line(1, *BOX) + "\n"


def put(folder, where, numbers, line=LINE):
    """Pictures images/WHERE/N.png and labels/WHERE/N.txt."""
    for n in numbers:
        picture(folder / "images" / where / f"{n}.png", n)
        write(folder / "labels" / where / f"{n}.txt", line)


def data(folder, text, name="data.yaml"):
    write(folder / name, text + "\n")


@pytest.fixture
def folder(tmp_path):
    put(tmp_path, "train", range(6))
    put(tmp_path, "val", range(6, 9))
    return tmp_path


SPLITS = "train: images/train\nval: images/val\n"


@pytest.mark.parametrize(
    "names",
    [
        "names: ['cat', 'zebra crossing', 'dog']",
        "names: {0: cat, 1: zebra crossing, 2: dog}",
        "names:\n  2: dog\n  0: cat\n  1: zebra crossing",
        "nc: 3\nnames:\n- cat\n- zebra crossing\n- dog",
    ],
)
def test_names_as_a_list_or_by_number(folder, names):
    data(folder, SPLITS + names)
    found_names, train = boxes(folder, "train")
    assert found_names == NAMES and sorted(train) == list(range(6))
    assert sorted(boxes(folder, "test")[1]) == [6, 7, 8]
    ((kind, *box),) = train[0]
    assert kind == "zebra crossing"
    np.testing.assert_allclose(box, BOX, atol=1e-3)


@pytest.mark.parametrize(
    "splits",
    [
        "path: .\n" + SPLITS,
        "path: /content/datasets/pets\n" + SPLITS,  # of another machine
        "path: ../datasets/pets\n" + SPLITS,  # Ultralytics' own folder of data sets
        "path: images\ntrain: train\nval: val\n",
        "train: [images/train]\nval: [images/val]\n",
        "train: ../train/images\nval: ../valid/images\ntest:\n",  # Roboflow
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n",  # without the folder test
        "train: train.txt\nval: val.txt\n",
        "train: images\\train\nval: images\\val\n",
    ],
)
def test_splits_as_folders_lists_and_text_files(folder, splits):
    if "valid" in splits:
        for old, new in (("train", "train"), ("val", "valid")):
            (folder / new).mkdir()
            for kind in ("images", "labels"):
                (folder / kind / old).rename(folder / new / kind)
    write(folder / "train.txt", "".join(f"./images/train/{n}.png\r\n" for n in range(6)))
    write(folder / "val.txt", "\n".join(f"images/val/{n}.png" for n in (6, 7, 8)))
    data(folder, splits + "names: [cat, zebra crossing, dog]")
    assert sorted(boxes(folder, "train")[1]) == list(range(6))
    boxes_by_picture = boxes(folder, "test")[1]
    assert sorted(boxes_by_picture) == [6, 7, 8] and all(len(rows) == 1 for rows in boxes_by_picture.values())


def test_a_test_split_comes_before_the_validation_split(folder):
    put(folder, "test", [20])
    data(folder, SPLITS + "test: images/test\nnames: [cat, zebra crossing, dog]")
    assert list(boxes(folder, "test")[1]) == [20] and sorted(boxes(folder, "validation")[1]) == [6, 7, 8]


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_folder_with_a_training_split_only_is_split_by_name(folder, split):
    data(folder, "train: images/train\nnames: [cat, zebra crossing, dog]")
    put(folder, "train", range(6, 20))
    assert sorted(boxes(folder)[1]) == list(range(20))


def test_pictures_without_objects(folder, caplog):
    data(folder, SPLITS + "names: [cat, zebra crossing, dog]")
    write(folder / "labels/train/0.txt", "")
    write(folder / "labels/train/1.txt", "\r\n  \n")
    (folder / "labels/train/2.txt").unlink()
    boxes_by_picture = boxes(folder, "train")[1]
    assert [boxes_by_picture[n] for n in (0, 1, 2)] == [[], [], []] and len(boxes_by_picture[3]) == 1
    assert "1 pictures have no label file, such as" in caplog.text and "2.png" in caplog.text


def test_label_files_beside_the_pictures_and_lists_of_darknet(tmp_path):
    for n in range(9):
        picture(tmp_path / "obj_train_data" / f"{n}.png", n)
        write(tmp_path / "obj_train_data" / f"{n}.txt", LINE)
    write(tmp_path / "obj.names", "\n".join(NAMES))
    write(tmp_path / "obj.data", "classes = 3\nnames = data/obj.names\n")
    for name, numbers in (("train", range(6)), ("valid", range(6, 9))):
        write(tmp_path / f"{name}.txt", "".join(f"data/obj_train_data/{n}.png\n" for n in numbers))
    names, train = boxes(tmp_path, "train")
    assert names == NAMES and sorted(train) == list(range(6)) and sorted(boxes(tmp_path, "test")[1]) == [6, 7, 8]


def test_a_list_of_classes_without_data_yaml(tmp_path):
    """As Label Studio writes it."""
    put(tmp_path, "", range(10))
    write(tmp_path / "classes.txt", "\n".join(NAMES))
    names, boxes_by_picture = boxes(tmp_path)
    assert names == NAMES and sorted(boxes_by_picture) == list(range(10))
    (tmp_path / "classes.txt").unlink()
    with pytest.raises(UserError, match="label files without names of classes: write the names into .*classes.txt"):
        boxes(tmp_path)


POLYGON = "1 .25 .1666666667 .75 .1666666667 .75 .6666666667 .25 .6666666667\n"


def test_polygons_are_masks_and_boxes(folder):
    for n in range(9):
        write(folder / "labels" / ("train" if n < 6 else "val") / f"{n}.txt", POLYGON)
    data(folder, SPLITS + "names: [cat, zebra crossing, dog]")
    names, masks_by_picture = masks(folder, "train")
    assert names == ("background", *NAMES)
    np.testing.assert_array_equal(masks_by_picture[0], square(2))
    ((kind, *box),) = boxes(folder, "train")[1][0]
    assert kind == "zebra crossing"
    np.testing.assert_allclose(box, (20, 10, 60, 40), atol=1e-3)
    write(folder / "labels/train/3.txt", POLYGON + LINE)
    assert len(boxes(folder, "train")[1][3]) == 2
    with pytest.raises(UserError, match="3.txt has a box, and a mask needs polygons"):
        masks(folder, "train")


def test_keypoints_behind_a_box_are_not_read(folder):
    for n in range(6):
        write(folder / "labels" / "train" / f"{n}.txt", LINE.strip() + " .3 .3 2 .4 .4 1\n")
    data(folder, SPLITS + "kpt_shape: [2, 3]\nnames: [cat, zebra crossing, dog]")
    np.testing.assert_allclose(boxes(folder, "train")[1][0][0][1:], BOX, atol=1e-3)


def test_repeated_lines_count_once(folder, caplog):
    data(folder, SPLITS + "names: [cat, zebra crossing, dog]")
    write(folder / "labels/train/0.txt", LINE + LINE)
    assert len(boxes(folder, "train")[1][0]) == 1 and "0.txt has 1 repeated lines" in caplog.text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 20 15 40 45", "outside of 0 to 1"),
        ("1 .5 .5 1.2 .5", "outside of 0 to 1"),
        ("1 .5 -.2 .5 .5", "outside of 0 to 1"),
        ("1 nan .5 .5 .5", "outside of 0 to 1"),
        ("1 .5 .5 .5", "3 numbers after the class"),
        ("1 .5 .5 .5 .5 .9", "5 numbers after the class"),
        ("1 .5 .5 .5 .5 .9 .1 .2", "7 numbers after the class"),
        ("3 .5 .5 .5 .5", "the class 3, and the classes are 0 to 2"),
        ("-1 .5 .5 .5 .5", "the class -1"),
        ("1.5 .5 .5 .5 .5", "the class 1.5"),
        ("1e999 .5 .5 .5 .5", "the class 1e999"),
        ("nan .5 .5 .5 .5", "the class nan"),
        ("cat .5 .5 .5 .5", "not a number"),
        ("1,.5,.5,.5,.5", "not a number"),
    ],
)
def test_a_line_that_cannot_be_is_named(folder, line, message):
    data(folder, SPLITS + "names: [cat, zebra crossing, dog]")
    write(folder / "labels/train/4.txt", LINE + line)
    with pytest.raises(UserError, match=message) as error:
        boxes(folder, "train")
    assert "4.txt" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SPLITS + "names: {0: cat, 2: dog}", "the numbers 0 to 1 without a gap"),
        (SPLITS + "names: [yes, no, maybe]", "names has True, which YAML does not read as a text: put quotes"),
        (SPLITS + "names: [cat, dog]\nnc: 3", "2 names, and nc is 3"),
        (SPLITS + "names: [cat, cat, dog]", "two classes have the same name"),
        (SPLITS + "names: [cat, Cat, dog]", "differ in case only"),
        (SPLITS + "names: cat", "needs names"),
        (SPLITS + "nc: 3", "needs names"),
        ("train: images/tarin\nval: images/val\nnames: [a, b, c]", "'images/tarin', which is not in"),
        ("train: /etc\nval: images/val\nnames: [a, b, c]", "'/etc', which is not in"),
        ("train: ../../../etc\nnames: [a, b, c]", "which is not in"),
        ("train: 3\nnames: [a, b, c]", "train needs a folder"),
        ("train: images/train\n\tnames: [a]", "cannot be read as YAML"),
        (SPLITS + "names: !!python/object/apply:os.getcwd []", "cannot be read as YAML"),
    ],
)
def test_a_data_yaml_that_cannot_be_is_named(folder, text, message):
    data(folder, text)
    with pytest.raises(UserError, match=message) as error:
        boxes(folder, "train")
    assert "\n" not in str(error.value)


def test_a_folder_whose_labels_are_elsewhere_is_refused(folder):
    (folder / "labels").rename(folder / "annotations")
    data(folder, SPLITS + "names: [cat, zebra crossing, dog]")
    with pytest.raises(UserError, match="has no label file .*labels/train/0.txt, and no other picture"):
        boxes(folder, "train")


def test_swapped_classes_change_the_fingerprint(folder):
    data(folder, SPLITS + "names: [cat, zebra crossing, dog]")
    before = open_source(f"folder:{folder}", "train", "boxes").key
    write(folder / "labels/train/4.txt", yolo_line(2, *BOX))
    assert open_source(f"folder:{folder}", "train", "boxes").key != before
    assert samples(folder, "train", "boxes")[0] == NAMES


@pytest.mark.parametrize("text", ["a: 1\n---\nb: 2\n", "a:\n\tb: 1\n", "x: !!python/name:os.getcwd\n"])
def test_yaml_of_another_program_is_skipped(folder, text):
    write(folder / "classes.txt", "\n".join(NAMES))
    write(folder / "deploy.yaml", text)
    assert len(boxes(folder)[1]) == 9
    (folder / "classes.txt").unlink()
    with pytest.raises(UserError, match="deploy.yaml cannot be read as YAML"):  # it may be the one with the names
        boxes(folder)


def test_the_validation_split_under_its_full_name(folder):
    data(folder, "train: images/train\nvalidation: images/val\nnc: '3'\nnames: [cat, zebra crossing, dog]")
    assert sorted(boxes(folder, "train")[1]) == list(range(6)) and sorted(boxes(folder, "test")[1]) == [6, 7, 8]


@pytest.mark.parametrize("path", ["/content/pets", "C:\\data\\pets\\"])
def test_lists_with_paths_of_another_machine(folder, path):
    """Paths below the stated one are read relative to the folder; others are refused."""
    for name, numbers in (("train", range(6)), ("val", (6, 7, 8))):
        start = path.rstrip("\\").replace("\\", "/")
        write(folder / f"{name}.txt", "".join(f"{start}/images/{name}/{n}.png\n" for n in numbers))
    data(folder, f"path: {path}\ntrain: train.txt\nval: val.txt\nnames: [cat, zebra crossing, dog]")
    assert sorted(boxes(folder, "train")[1]) == list(range(6)) and sorted(boxes(folder, "test")[1]) == [6, 7, 8]
    data(folder, "train: train.txt\nval: val.txt\nnames: [cat, zebra crossing, dog]")
    with pytest.raises(UserError, match="which is not in .* Write paths relative to"):
        boxes(folder, "train")


@pytest.mark.parametrize(("name", "where"), [("classes.txt", "labels"), ("_darknet.labels", "")])
def test_lists_of_classes_beside_the_label_files(tmp_path, name, where):
    """As LabelImg and Roboflow's YOLO Darknet write them."""
    for split, numbers in (("train", range(4)), ("valid", range(4, 7))):
        for n in numbers:
            picture(tmp_path / split / ("images" if where else "") / f"{n}.png", n)
            write(tmp_path / split / where / f"{n}.txt", LINE)
        write(tmp_path / split / where / name, "\n".join(NAMES))
    names, rows = boxes(tmp_path, "train")
    assert names == NAMES and sorted(rows) == list(range(4)) and sorted(boxes(tmp_path, "test")[1]) == [4, 5, 6]
    write(tmp_path / "valid" / where / name, "cat\ndog\nzebra crossing")
    with pytest.raises(UserError, match="list different classes: give both the same"):
        boxes(tmp_path, "train")
