"""The data sets that come with the package: what they are, and that preparing them is safe."""

import multiprocessing
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from scipy.ndimage import map_coordinates
from sklearn.datasets import load_digits

from keras_cnns.data.sources import cards, digits, embedded, shapes


def test_every_scanned_digit_is_there_once():
    splits = digits.arrays()
    images = np.concatenate([images for images, _ in splits.values()]).reshape(-1, 64)
    assert images.dtype == np.uint8 and images.max() == 255
    original, labels = load_digits(return_X_y=True)
    assert sorted(map(bytes, images)) == sorted(map(bytes, np.round(original * 255 / 16).astype(np.uint8)))
    assert sorted(np.concatenate([labels for _, labels in splits.values()])) == sorted(labels)


def test_a_fifth_is_held_out_and_every_class_is_in_it_alike():
    (_, train), (_, test) = digits.arrays().values()
    assert len(test) == 360 and len(train) == 1437
    assert np.bincount(test).min() >= 34 and np.bincount(test).max() <= 38


def test_tensorflow_datasets_reads_what_was_stored(tmp_path):
    embedded.prepare("digits", tmp_path)
    stored = tfds.load("digits", split="test", data_dir=tmp_path)
    images, labels = zip(*((e["image"], e["label"]) for e in stored.as_numpy_iterator()), strict=True)
    expected_images, expected_labels = digits.arrays()["test"]
    np.testing.assert_array_equal(images, expected_images)
    np.testing.assert_array_equal(labels, expected_labels)


def test_cards_are_cut_out_of_the_scenes_with_their_digits(tmp_path, monkeypatch):
    few = {"train": 12, "test": 5}
    monkeypatch.setattr(cards, "SCENES", few)
    embedded.prepare("cards", tmp_path)
    for split, count in few.items():
        scenes = [shapes.scene(number, split) for number in range(count)]
        stored = list(tfds.load("cards", split=split, data_dir=tmp_path).as_numpy_iterator())
        assert [e["label"] for e in stored] == [label for s in scenes for label in s.classes]
        boxes = [(s.picture, box) for s in scenes for box in s.boxes]
        for (image, (x1, y1, x2, y2)), example in zip(boxes, stored, strict=True):
            side = max(x2 - x1, y2 - y1)
            steps = (np.arange(32) + 0.5) / 32 * side - side / 2 - 0.5
            y, x = np.meshgrid((y1 + y2) / 2 + steps, (x1 + x2) / 2 + steps, indexing="ij")
            wanted = np.stack([map_coordinates(image[..., c].astype(float), [y, x], order=1) for c in range(3)], -1)
            inside = (y > 0) & (y < 127) & (x > 0) & (x < 127)
            np.testing.assert_allclose(example["image"][inside], wanted[inside], atol=1.01)


def test_a_second_call_leaves_the_files_alone(tmp_path):
    folder = embedded.prepare("digits", tmp_path)
    before = {f: f.stat().st_mtime_ns for f in folder.iterdir()}
    assert embedded.prepare("digits", tmp_path) == folder
    assert {f: f.stat().st_mtime_ns for f in folder.iterdir()} == before


def test_whoever_is_second_finds_the_first_ones_files(tmp_path, monkeypatch):
    written, write = [], embedded._write

    def overtaken(name, aside):
        write(name, aside)
        (tmp_path / "digits").mkdir(exist_ok=True)
        written.append(shutil.copytree(aside / "digits" / "1.0.0", tmp_path / "digits" / "1.0.0"))

    monkeypatch.setattr(embedded, "_write", overtaken)
    assert embedded.prepare("digits", tmp_path) == written[0]
    assert [f.name for f in tmp_path.iterdir()] == ["digits"]


def test_a_failed_preparation_leaves_nothing(tmp_path, monkeypatch):
    def full(name, aside):
        (aside / "half").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(embedded, "_write", full)
    with pytest.raises(OSError, match="No space"):
        embedded.prepare("digits", tmp_path)
    assert list(tmp_path.glob("**/*")) == [tmp_path / "digits"]


@pytest.mark.slow
def test_two_processes_at_once(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.starmap(embedded.prepare, [("digits", tmp_path)] * 2)
    assert first == second
    assert tfds.builder("digits", data_dir=tmp_path).info.splits["train"].num_examples == 1437
