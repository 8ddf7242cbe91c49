"""The embedded digits: what they are, and that preparing them is safe."""

import multiprocessing
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from sklearn.datasets import load_digits

from keras_cnns.data.sources import digits


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
    digits.prepare(tmp_path)
    stored = tfds.load("digits", split="test", data_dir=tmp_path)
    images, labels = zip(*((e["image"], e["label"]) for e in stored.as_numpy_iterator()), strict=True)
    expected_images, expected_labels = digits.arrays()["test"]
    np.testing.assert_array_equal(images, expected_images)
    np.testing.assert_array_equal(labels, expected_labels)


def test_a_second_call_leaves_the_files_alone(tmp_path):
    folder = digits.prepare(tmp_path)
    before = {f: f.stat().st_mtime_ns for f in folder.iterdir()}
    assert digits.prepare(tmp_path) == folder
    assert {f: f.stat().st_mtime_ns for f in folder.iterdir()} == before


def test_whoever_is_second_finds_the_first_ones_files(tmp_path, monkeypatch):
    written, write = [], digits._write

    def overtaken(aside):
        write(aside)
        (tmp_path / "digits").mkdir(exist_ok=True)
        written.append(shutil.copytree(aside / "digits" / "1.0.0", tmp_path / "digits" / "1.0.0"))

    monkeypatch.setattr(digits, "_write", overtaken)
    assert digits.prepare(tmp_path) == written[0]
    assert [f.name for f in tmp_path.iterdir()] == ["digits"]


def test_a_failed_preparation_leaves_nothing(tmp_path, monkeypatch):
    def full(aside):
        (aside / "half").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(digits, "_write", full)
    with pytest.raises(OSError, match="No space"):
        digits.prepare(tmp_path)
    assert list(tmp_path.glob("**/*")) == [tmp_path / "digits"]


@pytest.mark.slow
def test_two_processes_at_once(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.map(digits.prepare, [tmp_path, tmp_path])
    assert first == second
    assert tfds.builder("digits", data_dir=tmp_path).info.splits["train"].num_examples == 1437
