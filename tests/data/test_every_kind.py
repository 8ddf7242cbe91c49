"""A picture of every kind, whole and damaged, is the same to every command."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_cnns.data.augment import crops
from keras_cnns.data.broken import explained
from keras_cnns.data.pictures import decode, read_picture
from keras_cnns.data.pipeline import load, load_arrays
from keras_cnns.export_scripts.any_model import read_folder
from keras_cnns.support.errors import UserError
from tests.data import kinds as every

KINDS = every.kinds()


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_decoded_as_it_was_drawn(kind):
    data, shown, exact = KINDS[kind]
    seen = decode(tf.constant(data), shown.shape[:2], 3, crops.whole).numpy().astype(int)
    assert seen.shape == shown.shape
    off = np.abs(seen - shown)
    assert off.max() <= 1 if exact else off.mean() < 2
    luma = np.asarray(Image.fromarray(shown.astype(np.uint8)).convert("L"), int)
    grey = decode(tf.constant(data), shown.shape[:2], 1, crops.whole).numpy()[..., 0].astype(int)
    off = np.abs(grey - luma)
    assert off.max() <= 2 if exact else off.mean() < 2


SHAPE = (20, 30, 3)


def answers(folder, file):
    """What each way into the package says of one picture: its pixels at SHAPE, or the line of the error."""

    def trained():
        batches = load(f"folder:{folder}", size=SHAPE[:2], batch_size=1, limit=1).dataset
        return next(batches.as_numpy_iterator())[0][0]

    def evaluated():
        batches = load(f"folder:{folder}", size=SHAPE[:2], batch_size=1, split="test", limit=1).dataset
        return next(batches.as_numpy_iterator())[0][0]

    def calibrated():
        return load_arrays(f"folder:{folder}", "train", size=SHAPE[:2], limit=1)[0][0]

    def shipped():
        return read_folder(folder, SHAPE, 4, {})[0][0]

    ways = {"predict": lambda: read_picture(file, SHAPE), "train": trained, "evaluate": evaluated}
    ways |= {"export": calibrated, "any_model": shipped}
    results = {}
    for name, way in ways.items():
        try:
            with explained():
                results[name] = np.asarray(way(), "float32")
        except UserError as error:
            results[name] = str(error)
    return results


def in_folder(folder, data, kind):
    """The same picture as every picture of a small data set; the path of the first."""
    for split in ("train", "test"):
        for name in "ab":
            (folder / split / name).mkdir(parents=True)
    first = folder / "train" / "a" / f"1.{every.ending(kind)}"
    for file in (first, *(folder / split / name / first.name for split in ("train", "test") for name in "ab")):
        file.write_bytes(data)
    return first


@pytest.mark.sampled(2)
@pytest.mark.parametrize("kind", [*list(KINDS)[::9], "PNG, 16 bits, grey", "JPEG, turned 6", "BMP, palette of 4 bits"])
def test_it_is_the_same_to_every_command(kind, tmp_path):
    data, shown, _ = KINDS[kind]
    result = answers(tmp_path, in_folder(tmp_path, data, kind))
    for name, pixels in result.items():
        np.testing.assert_array_equal(pixels, result["predict"], err_msg=name)
    assert abs(result["predict"].mean() - shown.mean()) < 6  # of the middle of a turned one


@pytest.mark.slow
@pytest.mark.parametrize("how", ["its first half", "a letter"])
def test_damaged_it_is_one_line_from_every_command(how, tmp_path):
    file = in_folder(tmp_path, every.damages(KINDS["JPEG"][0])[how], "JPEG")
    lines = {line.replace("/test/", "/train/") for line in answers(tmp_path, file).values()}
    assert len(lines) == 1
    (line,) = lines
    assert line.startswith(str(file)) and "\n" not in line and "skip_broken" in line


@pytest.mark.slow
def test_every_kind_damaged_in_every_way_is_found_by_training_and_by_predict_alike(tmp_path, caplog):
    """In all there are some five hundred; a few formats have room for a damage, and are read by both."""
    for k, (kind, (data, *_)) in enumerate(KINDS.items()):
        for how, damaged in every.damages(data).items():
            file = tmp_path / "train" / "ab"[k % 2] / f"{k} {how}.{every.ending(kind)}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(damaged)
    files = sorted((tmp_path / "train").glob("*/*"))
    (tmp_path / "train" / "a" / "whole.png").write_bytes(KINDS["PNG"][0])
    images, _, _ = load_arrays(f"folder:{tmp_path}", "train", size=SHAPE[:2], skip_broken=len(files))
    skipped = {message.removeprefix("skipped: ") for message in caplog.messages if message.startswith("skipped")}
    refused = set()
    for file in files:
        try:
            read_picture(file, SHAPE)
        except UserError as error:
            refused.add(str(error).split(": remove it")[0])
    assert skipped == refused and len(images) == len(files) + 1 - len(refused)
    assert len(refused) > 0.85 * len(files)
