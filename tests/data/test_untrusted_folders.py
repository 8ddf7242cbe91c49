"""Folders that somebody else filled: nothing outside is read, and nothing in them makes a command wait."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from keras_cnns import UserError
from keras_cnns.data.decoding import decoded, mask_values
from keras_cnns.data.pictures import read_picture
from keras_cnns.data.sources import walk
from keras_cnns.data.sources.by_name import open_source
from keras_cnns.data.sources.files import contents
from keras_cnns.inference.pictures import read_pixels


def picture(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((20, 20, 3), value, np.uint8)).save(path)
    return path


def coco(folder, file_name):
    """A data set in COCO's form of one picture, called `file_name` in the JSON."""
    content = {
        "images": [{"id": 1, "file_name": file_name, "width": 20, "height": 20}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 2, 5, 5]}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize("name", ["../secret.png", "{outside}/secret.png", "images/../../secret.png"])
def test_a_picture_outside_of_the_folder_is_not_read(tmp_path, name):
    picture(tmp_path / "secret.png", 7)
    folder = coco(tmp_path / "data", name.format(outside=tmp_path))
    picture(folder / "images" / "other.png", 1)
    with pytest.raises(UserError, match="secret.png, which is not in"):
        open_source(f"folder:{folder}", "train", "boxes")


@pytest.mark.parametrize("name", ["../a.png", "/home/somebody/a.png", "C:\\data\\a.png"])
def test_a_name_from_another_machine_is_looked_for_inside(tmp_path, name):
    picture(tmp_path / "a.png", 7)
    folder = coco(tmp_path / "data", name)
    picture(folder / "images" / "a.png", 99)
    assert decoded(open_source(f"folder:{folder}", "train", "boxes"), 0).picture.max() == 99


def test_pictures_may_be_linked_into_the_folder(tmp_path):
    picture(tmp_path / "store" / "a.png", 50)
    folder = coco(tmp_path / "data", "images/a.png")
    (folder / "images").symlink_to(tmp_path / "store")
    assert decoded(open_source(f"folder:{folder}", "train", "boxes"), 0).picture.max() == 50


@pytest.mark.parametrize("data", [b'<?xml version="1.0" encoding="no-such"?><annotation/>', b"<annotation>" * 300])
def test_xml_that_cannot_be_read_is_one_line(tmp_path, data):
    picture(tmp_path / "a.png", 1)
    (tmp_path / "a.xml").write_bytes(data)
    with pytest.raises(UserError, match="a.xml") as error:
        open_source(f"folder:{tmp_path}", "train", "boxes")
    assert "\n" not in str(error.value)


def test_a_pipe_among_the_pictures_is_passed_over(tmp_path, caplog):
    picture(tmp_path / "cat" / "a.png", 1)
    os.mkfifo(tmp_path / "cat" / "b.png")
    assert [path.name for path in walk.pictures(tmp_path)] == ["a.png"]
    assert "b.png is a named pipe" in caplog.text


@pytest.mark.parametrize("read", [lambda p: read_picture(p, (8, 8, 3)), contents, lambda p: read_pixels(p, 3)])
def test_a_pipe_in_place_of_a_picture_is_refused(tmp_path, read):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(UserError, match="named pipe"):
        read(tmp_path / "a.png")


def test_a_mask_in_a_format_that_runs_programs_is_refused(tmp_path):
    """Pillow hands PostScript to Ghostscript; only the formats of pictures are read."""
    Image.new("L", (8, 8)).save(tmp_path / "mask.eps")
    (tmp_path / "mask.eps").rename(tmp_path / "mask.png")
    with pytest.raises(UserError, match="cannot be read as a mask"):
        mask_values(contents(tmp_path / "mask.png"), "mask.png")


def test_a_class_name_that_utf8_cannot_hold_is_escaped(tmp_path):
    """The names go into files of labels and of JSON."""
    for name in (b"\xff", b"dog"):
        for n in range(5):
            picture(tmp_path / os.fsdecode(name) / f"{n}.png", n)
    assert open_source(f"folder:{tmp_path}", "train", "label").names == ("dog", r"\udcff")
