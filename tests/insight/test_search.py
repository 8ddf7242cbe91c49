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
from tests.insight.test_maps import planted


@pytest.fixture
def folder(tmp_path):
    """Red, green and blue pictures of several brightnesses in folders, and a network that tells red from green."""
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
    status, said, _ = run(capsys, *words, "--count", "3", "--out", out, "--map", "--json")
    found = json.loads(said)
    assert status == 0
    assert {p for p, _ in found["nearest"][0]} == {"red/1.png", "red/2.png", "red/3.png"}
    assert all(p.startswith("green/") and cosine > 0.9 for p, cosine in found["nearest"][1])
    for file in found["files"]:
        assert np.asarray(Image.open(file).convert("L"), float).std() > 10
    assert len(found["files"]) == 2


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


def test_what_cannot_be_read_is_left_out_and_said(capsys, folder):
    (folder / "pictures/red/text.png").write_text("no picture")
    words = [folder / "pictures", folder / "pictures/red/0.png", "--model", folder / "net.keras", "--out", folder]
    status, out, err = run(capsys, *words)
    assert status == 0 and "text.png is no picture" in err


@pytest.mark.parametrize("shape", [(None, None, 3), (16, 16, 4)])
def test_a_network_of_other_pictures_is_refused_in_a_line(folder, shape):
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
def test_mistakes_end_in_a_line(capsys, folder, words, says):
    (folder / "empty").mkdir()
    status, _, err = run(capsys, *(folder / w for w in words), "--model", folder / "net.keras", "--out", folder)
    assert status == 2 and says in err and err.count("\n") == 1
