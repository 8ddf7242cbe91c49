"""`keras-cnns search`: what is nearest, the index on disk, and the sheets."""

import json
import os

import keras
import numpy as np
import pytest
from PIL import Image

from keras_cnns import UserError
from keras_cnns.cli import commands
from keras_cnns.insight.search import INDEX, Index
from keras_cnns.saving.card import Card, write_card
from tests.insight.test_maps import planted


@pytest.fixture
def folder(tmp_path):
    """Red, green and blue pictures of several brightnesses, and a network that distinguishes red from green."""
    planted().save(tmp_path / "net.keras")
    rng = np.random.default_rng(0)
    for name, channel in (("red", 0), ("green", 1)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for i in range(4):
            pixels = np.full((40, 40, 3), 20) + rng.integers(0, 10, (40, 40, 3))
            pixels[5 + i : 25 + i, 5:25, channel] = 200 + 10 * i
            Image.fromarray(pixels.astype("uint8")).save(tmp_path / "pictures" / name / f"{i}.png")
    return tmp_path


def run(capsys, *words):
    with pytest.raises(SystemExit) as exit:
        commands.main(["search", *map(str, words), "--pixels", "0", "1"])
    out, err = capsys.readouterr()
    return exit.value.code, out, err


def test_the_nearest_show_the_same(capsys, folder):
    pictures, out = folder / "pictures", folder / "out"
    words = [pictures, pictures / "red/0.png", pictures / "green/1.png", "--model", folder / "net.keras"]
    status, message, _ = run(capsys, *words, "--count", "3", "--out", out, "--map", "--json")
    values = json.loads(message)
    assert status == 0
    assert {p for p, _ in values["nearest"][0]} == {"red/1.png", "red/2.png", "red/3.png"}
    assert all(p.startswith("green/") and cosine > 0.9 for p, cosine in values["nearest"][1])
    for file in values["files"]:
        assert np.asarray(Image.open(file).convert("L"), float).std() > 10
    assert len(values["files"]) == 2


def test_the_index_is_kept_and_renewed_where_something_changed(folder):
    def opened(**kwargs):
        return Index(folder / "pictures", folder / "net.keras", high=1.0, **kwargs)

    first = opened()
    assert first.computed == 8 and (folder / "pictures" / INDEX).is_file()
    again = opened()
    assert again.computed == 0
    np.testing.assert_array_equal(again.features, first.features)
    Image.new("RGB", (20, 20), (250, 0, 0)).save(folder / "pictures/red/new.png")
    os.remove(folder / "pictures/green/3.png")
    renewed = opened()
    assert renewed.computed == 1 and len(renewed.paths) == 8 and "green/3.png" not in renewed.paths
    assert Index(folder / "pictures", folder / "net.keras", high=2.0).computed == 8  # another scale: other features
    (folder / "pictures" / INDEX).write_bytes(b"damaged")
    assert opened().computed == 8


def test_a_name_may_have_any_letters(folder):
    (folder / "pictures/red/0.png").rename(folder / "pictures/red/a|b.png")
    assert "red/a|b.png" in Index(folder / "pictures", folder / "net.keras", high=1.0).paths


def test_unreadable_files_are_left_out_with_a_warning(capsys, folder):
    (folder / "pictures/red/text.png").write_text("no picture")
    words = [folder / "pictures", folder / "pictures/red/0.png", "--model", folder / "net.keras", "--out", folder]
    status, out, err = run(capsys, *words)
    assert status == 0 and "text.png is not a picture" in err


@pytest.mark.parametrize("shape", [(None, None, 3), (16, 16, 4)])
def test_a_network_of_other_pictures_is_refused_in_one_line(folder, shape):
    model = keras.Sequential([keras.Input(shape), keras.layers.Conv2D(2, 3), keras.layers.GlobalMaxPooling2D()])
    model.save(folder / "other.keras")
    with pytest.raises(UserError, match="grey or coloured pictures of a fixed size are needed"):
        Index(folder / "pictures", folder / "other.keras")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere", "pictures/red/0.png"], "there is no folder"),
        (["empty", "pictures/red/0.png"], "holds no pictures"),
        (["pictures", "nothing.png"], "there is no file"),
        (["pictures"], "give pictures to look for, or --map"),
    ],
)
def test_mistakes_end_in_one_line(capsys, folder, words, says):
    (folder / "empty").mkdir()
    status, _, err = run(capsys, *(folder / w for w in words), "--model", folder / "net.keras", "--out", folder)
    assert status == 2 and says in err and err.count("\n") == 1


def test_pictures_are_cropped_as_in_the_evaluation_of_the_training(folder):
    """A picture that is red in its middle and green around it is like a red one to a network that sees the middle."""
    (folder / "two").mkdir()
    for name, border in (("red", (220, 20, 20)), ("framed", (20, 220, 20))):
        pixels = np.full((40, 40, 3), border, "uint8")
        pixels[10:30, 10:30] = (220, 20, 20)
        Image.fromarray(pixels).save(folder / "two" / f"{name}.png")
    likeness = {}
    for fraction in (1.0, 0.5):
        model = folder / f"{fraction}.keras"
        planted().save(model)
        write_card(model, Card("net", source={"recipe": {"augment": {"crop": "centre", "crop_fraction": fraction}}}))
        (((_, likeness[fraction]),),) = Index(folder / "two", model, high=1.0).nearest([folder / "two/red.png"])
    assert likeness[0.5] == pytest.approx(1, abs=1e-3) and likeness[1.0] < 0.9


@pytest.mark.slow
def test_a_damaged_index_is_made_anew_with_a_note(folder, caplog):
    def opened():
        return Index(folder / "pictures", folder / "net.keras", high=1.0)

    opened()
    path, rng = folder / "pictures" / INDEX, np.random.default_rng(0)
    good = path.read_bytes()
    for _ in range(40):
        bytes_ = bytearray(good)
        for place in rng.integers(0, len(good), 6):
            bytes_[place] = rng.integers(256)
        path.write_bytes(bytes_[: rng.integers(1, len(good) + 1)] if rng.integers(2) else bytes_)
        assert np.isfinite(opened().features).all()
    path.write_bytes(good[: len(good) // 2])
    caplog.clear()
    assert opened().computed == 8
    assert [record for record in caplog.records if "is written again" in record.message and "\n" not in record.message]


@pytest.mark.parametrize(
    ("options", "says"),
    [({"low": "0"}, "low is '0'"), ({"low": 1.0, "high": 1.0}, "both 1"), ({"high": float("nan")}, "high is nan")],
)
def test_black_and_white_are_two_numbers(folder, options, says):
    with pytest.raises(UserError, match=says):
        Index(folder / "pictures", folder / "net.keras", **options)


def test_the_number_of_neighbours_is_a_whole_number(folder):
    index = Index(folder / "pictures", folder / "net.keras", high=1.0)
    with pytest.raises(UserError, match="count is -1: it must be a whole number"):
        index.nearest([folder / "pictures/red/0.png"], count=-1)
