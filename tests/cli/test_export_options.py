"""`keras-cnns export`: pixels of another scaling are noticed, the report lies beside the file, --quiet is quiet."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from keras_cnns.cli import commands
from keras_cnns.export_scripts.pixel_scaling import check_scaling, scaling
from keras_cnns.support.errors import BadArgument
from keras_cnns.tflite import Exporter, export
from keras_cnns.tflite.settings import Limits


def run(*words):
    with pytest.raises(SystemExit) as exit:
        commands.main([str(word) for word in words])
    return exit.value.code


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """photos/dark and photos/light, and net.keras, which takes pixels from 0 to 1."""
    root = tmp_path_factory.mktemp("export")
    random = np.random.default_rng(0)
    for name, middle in (("dark", 60), ("light", 180)):
        (root / "photos" / name).mkdir(parents=True)
        for i in range(30):
            pixels = random.integers(middle - 40, middle + 40, (8, 8, 3)).astype("uint8")
            Image.fromarray(pixels).save(root / "photos" / name / f"{i}.png")
    image = keras.Input((8, 8, 3))
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(1, 1, name="mean")(image))
    model = keras.Model(image, keras.layers.Dense(2, "softmax", name="scores")(mean))
    model.get_layer("mean").set_weights([np.full((1, 1, 3, 1), 1 / 3), np.zeros(1)])
    # right for means around .5; for means above 1 it always answers "dark"
    model.get_layer("scores").set_weights([np.array([[-9.0, 9.0]]), np.array([4.2, -4.2])])
    model.save(root / "net.keras")
    return root


def test_a_model_that_wants_other_pixels_is_refused_with_the_flag_that_helps(folder, capsys):
    assert run("export", folder / "net.keras", "--dataset", f"folder:{folder}/photos") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert (
        "is right on 50% of the pictures if it gets pixels from 0 to 255, and on 100% with --preprocess unit" in error
    )
    assert not list(folder.glob("*.tflite"))


def test_with_that_flag_the_file_is_written_with_its_report(folder, capsys):
    words = ("--dataset", f"folder:{folder}/photos", "--preprocess", "unit", "--out", folder / "net.tflite")
    assert run("export", folder / "net.keras", *words) == 0
    assert "Keras model" in capsys.readouterr().out
    report = json.loads((folder / "net.report.json").read_text())
    assert report["status"] == "pass" and report["comparisons"][0]["accuracy"] == 1.0


def test_quiet_prints_only_the_file(folder, capsys):
    words = ("--dataset", f"folder:{folder}/photos", "--preprocess", "unit", "--out", folder / "quiet.tflite")
    assert run("export", folder / "net.keras", *words, "--quiet") == 0
    out, err = capsys.readouterr()
    assert out.split() == [f"{folder}/quiet.tflite"] and not err


def test_two_scalings_and_unknown_ones_are_refused(folder, capsys):
    assert run("export", folder / "net.keras", "--preprocess", "unit", "--pixels", "0", "1") == 2
    assert "give one of them" in capsys.readouterr().err
    assert run("export", folder / "net.keras", "--preprocess", "imagenet") == 2
    assert "there is no preprocessing 'imagenet': none, bgr, unit, tf, torch, caffe." in capsys.readouterr().err


@pytest.mark.parametrize("name", ["unit", "tf", "torch", "caffe"])
def test_each_scaling_gives_what_keras_applications_gives(name):
    from keras.applications.imagenet_utils import preprocess_input

    pixels = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    layers = scaling(name, keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()]))
    expected = pixels / 255 if name == "unit" else preprocess_input(pixels.copy(), mode=name)
    np.testing.assert_allclose(layers.predict(pixels, verbose=0), expected, atol=1e-4 * np.abs(expected).max())


def test_a_model_that_is_right_is_left_alone(folder):
    model = keras.saving.load_model(folder / "net.keras")
    pictures = np.full((8, 8, 8, 3), 0.9, "float32")
    check_scaling(model, "net.keras", pictures, np.ones(8, int))
    with pytest.raises(BadArgument, match="--preprocess"):
        check_scaling(model, "net.keras", pictures * 60, np.zeros(8, int))


def test_the_goal_decides_between_files_within_the_limits(folder, tmp_path):
    """weight_only_int4 is smaller than float32, whatever a shared machine times."""
    kernel = np.random.default_rng(0).normal(size=(192, 64))
    image = keras.Input((8, 8, 3))
    hidden = keras.layers.Dense(64, "relu", name="hidden")(keras.layers.Flatten()(image))
    model = keras.Model(image, keras.layers.Dense(4, "softmax")(hidden))
    model.get_layer("hidden").set_weights([kernel, np.zeros(64)])
    report = Exporter(model, images=np.random.default_rng(1).uniform(size=(8, 8, 8, 3))).auto(
        tmp_path / "net.tflite", max_drop=1.0, goal="smallest"
    )
    sizes = [c.size_bytes for c in report.candidates if c.size_bytes and c.status != "fail"]
    assert report.size_bytes <= 1.01 * min(sizes) and "the smallest within" in report.notes[0]


def test_goals_that_make_no_sense_are_refused(folder, tmp_path):
    with pytest.raises(BadArgument, match="goal is 'tiny': give fastest or smallest"):
        Limits(goal="tiny")
    with pytest.raises(BadArgument, match='limits are for scheme="auto"'):
        export(folder / "net.keras", tmp_path / "net.tflite", limits=Limits(goal="smallest"))
