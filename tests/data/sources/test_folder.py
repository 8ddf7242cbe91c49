"""A folder of pictures as a data set."""

import numpy as np
import pytest
from PIL import Image

from keras_cnns.data.pipeline import load, load_arrays
from keras_cnns.support.errors import UserError


def put(path, colour, size=(9, 9), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


@pytest.fixture
def classes(tmp_path):
    """Ten red and fifteen green pictures, each of its own brightness."""
    for i in range(10):
        put(tmp_path / "red" / f"{i}.png", (100 + i, 0, 0))
    for i in range(15):
        put(tmp_path / "green" / f"{i}.png", (0, 100 + i, 0))
    return tmp_path


def test_of_every_class_a_fifth_is_held_out_and_nothing_is_in_both(classes):
    parts = {s: load_arrays(f"folder:{classes}", s, size=9) for s in ("train", "test")}
    assert parts["train"][2] == parts["test"][2] == ("green", "red")
    assert list(np.bincount(parts["test"][1])) == [3, 2] and list(np.bincount(parts["train"][1])) == [12, 8]
    colours = [tuple(image[0, 0]) for images, _, _ in parts.values() for image in images]
    assert len(set(colours)) == 25
    for images, labels, _ in parts.values():
        assert all((image[..., 1 - label] >= 100).all() for image, label in zip(images, labels, strict=True))


def test_the_fifth_is_the_same_every_time(classes):
    first, second = (load_arrays(f"folder:{classes}", "test", size=9)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("held_out", ["test", "val", "validation"])
def test_folders_for_the_splits(tmp_path, held_out):
    for split, count in (("train", 4), (held_out, 2)):
        for i in range(count):
            put(tmp_path / split / "a" / f"{i}.jpg", (i, 0, 0))
            put(tmp_path / split / "b" / "deeper" / f"{i}.png", (i, 0, 0))
    assert len(load_arrays(f"folder:{tmp_path}", "train", size=9)[1]) == 8
    assert list(load_arrays(f"folder:{tmp_path}", "test", size=9)[1]) == [0, 0, 1, 1]


def test_other_files_are_passed_over(classes):
    (classes / "red" / "notes.txt").write_text("not a picture")
    (classes / "red" / "._5.png").write_bytes(b"left by a Mac")
    (classes / ".cache").mkdir()
    assert load(f"folder:{classes}", size=9, batch_size=2).count == 20


def test_an_empty_class(classes):
    (classes / "blue").mkdir()
    with pytest.raises(UserError, match="blue has no pictures"):
        load(f"folder:{classes}", size=9, batch_size=2)


def test_no_classes_at_all(tmp_path):
    with pytest.raises(UserError, match="no class folders"):
        load(f"folder:{tmp_path}", size=9, batch_size=2)


def test_a_single_picture_cannot_be_split(classes):
    put(classes / "blue" / "1.png", (0, 0, 255))
    with pytest.raises(UserError, match="single picture"):
        load(f"folder:{classes}", size=9, batch_size=2)


def test_a_class_that_only_the_test_pictures_have(tmp_path):
    for name in ("train/a", "test/a", "test/b"):
        put(tmp_path / name / "1.png", (1, 2, 3))
    with pytest.raises(UserError, match="class 'b', which has no training pictures"):
        load(f"folder:{tmp_path}", size=9, batch_size=2, split="test")


def test_no_such_split(tmp_path):
    put(tmp_path / "train" / "a" / "1.png", (1, 2, 3))
    with pytest.raises(UserError, match="no split 'test': it has train"):
        load(f"folder:{tmp_path}", size=9, batch_size=2, split="test")
