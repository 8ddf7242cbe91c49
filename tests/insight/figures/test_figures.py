"""The courses' figures: they show what is there, and name what is missing."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from keras_cnns import build, profile
from keras_cnns.cli import commands
from keras_cnns.insight.figures import augmented, connections, degradation, field, pooling
from keras_cnns.support.errors import UserError
from keras_cnns.testing import randomize
from keras_cnns.training.script import find_recipe


def run(capsys, *words):
    with pytest.raises(SystemExit) as exit:
        commands.main([str(word) for word in words])
    out, err = capsys.readouterr()
    return exit.value.code, out, err


def test_fields_grow_by_what_each_window_adds():
    image = keras.Input((64, 64, 3))
    x = image
    for _ in range(3):
        x = keras.layers.Conv2D(2, 3)(x)
    x = keras.layers.Conv2D(4, 1)(x)  # widens nothing
    net = keras.Model(image, keras.layers.GlobalAveragePooling2D()(keras.layers.MaxPooling2D(2)(x)), name="threes")
    (line, *_), axes = (
        field.growth({"threes": profile(net)}).axes[0].lines,
        field.growth({"threes": profile(net)}).axes[0],
    )
    assert line.get_ydata().tolist() == [3, 5, 7, 8] and line.get_label() == "threes: 8 pixels"
    assert axes.get_xlabel() and "pixels" in axes.get_ylabel()


def test_a_grouped_convolution_is_block_diagonal():
    model = randomize(build("resnext50_32x4d", input_shape=(32, 32, 3), features_only=True))
    name, lengths = connections.matrix(model)
    kernel = np.asarray(model.get_layer(name).kernel)
    assert lengths.shape == (128, 128) and (lengths > 0).mean() == pytest.approx(1 / 32)
    for row in range(128):
        assert set(np.flatnonzero(lengths[row])) == set(range(row // 4 * 4, row // 4 * 4 + 4))
    assert lengths[5, 6] == pytest.approx(np.sqrt((kernel[:, :, 1, 6] ** 2).sum()), rel=1e-5)


def test_depthwise_is_a_diagonal_a_table_has_holes_and_a_plain_one_has_none():
    image = keras.Input((8, 8, 3))
    wide = keras.layers.DepthwiseConv2D(3, depth_multiplier=2, name="wide")(
        keras.layers.Conv2D(4, 1, name="full")(image)
    )
    model = randomize(keras.Model(image, wide))
    _, lengths = connections.matrix(model)
    assert [np.flatnonzero(row).tolist() for row in lengths] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert (connections.matrix(model, "full")[1] > 0).all()
    name, lengths = connections.matrix(randomize(build("lenet5_1998")))
    assert name.startswith("C3") and (lengths > 0).sum() == 60  # Table I of LeCun et al. 1998


def test_every_pooling_keeps_what_it_says():
    picture = np.arange(16.0, dtype="float32").reshape(4, 4, 1) / 16
    result = pooling.pooled(picture, 2)
    assert (result["largest (max)"][..., 0] * 16).tolist() == [[5, 7], [13, 15]]
    assert (result["mean (average)"][..., 0] * 16).tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert (result["every n-th (stride)"][..., 0] * 16).tolist() == [[5, 7], [13, 15]]
    assert result["global mean"].shape == (1, 1, 1) and result["global mean"][0, 0, 0] * 16 == 7.5
    assert result["overlapping largest"].shape == (2, 2, 1)


def history(folder, rows):
    folder.mkdir(parents=True)
    lines = ["epoch,loss,accuracy,held_out_accuracy", *(f"{i},1,{a},{b}" for i, (a, b) in enumerate(rows, start=1))]
    (folder / "history.csv").write_text("\n".join(lines) + "\n")


def test_degradation_shows_the_runs_that_are_there_and_names_the_others(tmp_path, capsys):
    history(tmp_path / "plain56", [(0.1, 0.2), (0.3, 0.25)])
    history(tmp_path / "resnet56", [(0.5, 0.4), (0.9, 0.8)])
    result, missing = degradation.histories([tmp_path / name for name in ("plain20", "plain56", "resnet56")])
    assert list(result) == ["plain56", "resnet56"] and len(missing) == 1 and "--model plain20_cifar" in missing[0]
    left, right = degradation.degradation(result).axes
    assert [line.get_ydata().tolist() for line in left.lines] == [[90, 70], [50, pytest.approx(10)]]
    assert [line.get_label() for line in right.lines] == ["plain56: 75.0 %", "resnet56: 20.0 %"]
    out = tmp_path / "d.png"
    status, _, err = run(capsys, "figure", "degradation", tmp_path / "plain56", tmp_path / "plain20", "--out", out)
    assert status == 0 and Image.open(out).size[0] > 300 and "missing:" in err
    status, _, err = run(capsys, "figure", "degradation", tmp_path / "plain20")
    assert status == 2 and "no run to draw" in err and err.count("\n") == 1


@pytest.mark.parametrize("damaged", [b"1,much,0.2\n", b"1,\xff,0.2\n", b"1," + b"9" * 140_000 + b",0.2\n"])
def test_a_damaged_history_is_one_line(damaged, tmp_path, capsys):
    (tmp_path / "history.csv").write_bytes(b"epoch,accuracy,held_out_accuracy\n" + damaged)
    status, _, err = run(capsys, "figure", "degradation", tmp_path)
    assert status == 2 and len(err.splitlines()) == 1 and "history.csv" in err


@pytest.mark.slow
def test_the_sheet_shows_the_first_step_of_the_recipe_itself(tmp_path, capsys, monkeypatch):
    """The pictures below are those that the trainer's own stream begins with; above them the same ones as they are."""
    from keras_cnns.tasks.by_name import of

    recipe = find_recipe("resnet20_digits")
    (plain, labels), (seen, targets), names = augmented._first(recipe, 24)
    expected, _ = next(iter(of(recipe).load("train", 24).dataset))
    np.testing.assert_array_equal(seen, expected)
    np.testing.assert_array_equal(labels["target"], targets["target"])
    shifted = [
        any(
            np.array_equal(np.roll(first, (dy, dx), (0, 1))[8:-8, 8:-8], other[8:-8, 8:-8])
            for dy in range(-4, 5)
            for dx in range(-4, 5)
        )
        for first, other in zip(plain, seen, strict=True)
    ]
    assert all(shifted) and (plain != seen).any()
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, "show", "resnet20_digits", "--augmented", "--json")
    assert status == 0, err
    assert Image.open(json.loads(out)[0]).size[0] > 600


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("fields resnet50", "Did you mean field"),
        ("field", "needs a network"),
        ("field resnet5", "resnet50"),
        ("field net.tflite", "is a .tflite file"),
        ("connections", "give one, not none"),
        ("connections lenet5 --layer S22", "Did you mean S2"),
        ("connections lenet5 --layer S2", "not a convolution: it connects no maps"),
        ("pooling", "give one, not none"),
        ("pooling nothing.png", "no file nothing.png"),
        ("pooling nothing.png --window 1", "window is 1"),
        ("augmented resnet20_digit", "resnet20_digits"),
        ("field lenet5 --layer x", "leave it out for field"),
        ("field lenet5 --out x.txt", "must end in .png"),
    ],
)
def test_mistakes_end_in_one_line(words, says, capsys, tmp_path, monkeypatch):
    status, _, err = run(capsys, "figure", *words.split())
    assert status == 2 and says in err and err.count("\n") == 1


def test_a_model_without_convolutions_has_no_connections():
    image = keras.Input((4,))
    model = keras.Model(image, keras.layers.Dense(2)(image), name="dense_only")
    with pytest.raises(UserError, match="dense_only has no convolution"):
        connections.matrix(model)
    with pytest.raises(UserError, match="no convolution or pooling"):
        field.growth({"dense_only": profile(model)})


def test_names_with_dollars_are_no_mathematics(capsys, tmp_path):
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, keras.layers.Conv2D(2, 3, name="a$b_$c")(image))
    model.save(tmp_path / "m$x_$y.keras")
    for kind in ("connections", "field"):
        assert run(capsys, "figure", kind, tmp_path / "m$x_$y.keras", "--out", tmp_path / f"{kind}.png")[0] == 0
        assert (tmp_path / f"{kind}.png").is_file()
