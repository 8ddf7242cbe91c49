"""Folders of splits that lie in each other: the innermost one decides, in every format, and a message says so."""

import logging
from pathlib import Path

import pytest

from keras_cnns.data.sources.folder import open_folder
from keras_cnns.data.sources.splits import role_of_folders
from tests.data.sources.writers import boxes, coco, corners, masks, picture, png, square, write, xml, yolo_line

FOLDERS = {"train/v2/train": range(4), "train/v2/val": range(4, 6)}
BOX = ("widget", 10, 5, 30, 25)


def paths(inner, ending):
    """{number: path} of a file for each picture, with `inner` (images, labels) as the innermost folder."""
    return {n: f"{folder}/{inner}{n}{ending}" for folder, numbers in FOLDERS.items() for n in numbers}


def as_yolo(folder):
    write(folder / "classes.txt", "widget\n")
    for n, path in paths("images/", ".png").items():
        picture(folder / path, n)
        write(folder / path.replace("images", "labels").replace(".png", ".txt"), yolo_line(0, *BOX[1:]))


def as_voc(folder):
    write(folder / "first_pixel.txt", "0")
    for n, path in paths("", ".png").items():
        picture(folder / path, n)
        xml((folder / path).with_suffix(".xml"), BOX)


def as_coco(folder):
    for where, numbers in FOLDERS.items():
        for n in numbers:
            picture(folder / where / f"{n}.png", n)
        write(folder / where / "coco.json", coco({f"{n}.png": [BOX] for n in numbers}, [BOX[0]]))


@pytest.mark.parametrize("write_as", [as_yolo, as_voc, as_coco])
def test_boxes(write_as, tmp_path, caplog):
    write_as(tmp_path)
    with caplog.at_level(logging.INFO, "keras_cnns"):
        for split, numbers in zip(("train", "test"), FOLDERS.values(), strict=True):
            names, rows = boxes(tmp_path, split)
            assert (names, list(rows)) == (("widget",), list(numbers))
    assert "the inner one decides (val)" in caplog.text


def test_pairs_of_masks(tmp_path):
    write(tmp_path / "classes.txt", "background\nroad\n")
    for n, path in paths("", ".png").items():
        picture(tmp_path / "images" / path, n)
        png(tmp_path / "masks" / path, square(1))
    assert [list(masks(tmp_path, split)[1]) for split in ("train", "test")] == [[0, 1, 2, 3], [4, 5]]


def test_polygons_of_coco_as_masks(tmp_path):
    for where, numbers in FOLDERS.items():
        for n in numbers:
            picture(tmp_path / where / f"{n}.png", n)
        rows = coco({f"{n}.png": [BOX] for n in numbers}, [BOX[0]], segmentation=corners)
        write(tmp_path / where / "coco.json", rows)
    assert [list(masks(tmp_path, split)[1]) for split in ("train", "test")] == [[0, 1, 2, 3], [4, 5]]


@pytest.mark.parametrize("above", ["", "images/"])
def test_rows_of_a_table(above, tmp_path):
    rows = [f"{above}{path},{'cat' if n % 2 else 'dog'}" for n, path in paths("", ".png").items()]
    for row in rows:
        picture(tmp_path / row.partition(",")[0], 0)
    write(tmp_path / "labels.csv", "file,class\n" + "\n".join(rows))
    for split, numbers in zip(("train", "test"), FOLDERS.values(), strict=True):
        assert [int(path.stem) for path in open_folder(tmp_path / "labels.csv", split).files] == list(numbers)


@pytest.mark.parametrize(
    ("path", "strictly", "loosely"),
    [
        ("train/test_rig/a.jpg", "train", "train"),  # the name of a split alone comes first
        ("images/seg_train/a.jpg", None, "train"),
        ("val2017/a.jpg", "validation", "validation"),
        ("trainer/a.jpg", None, None),
        ("test/2024/train/a.jpg", "train", "train"),
    ],
)
def test_one_rule(path, strictly, loosely):
    assert role_of_folders(Path("/data", path), Path("/data")) == strictly
    assert role_of_folders(Path("/data", path), Path("/data"), loosely=True) == loosely
