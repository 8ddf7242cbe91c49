"""The scripts in export/: from a checkpoint to verified files, a table and report.json."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_cnns import build
from keras_cnns.data.sources import shapes
from keras_cnns.data.sources.sample import BACKGROUND
from keras_cnns.export_scripts import any_model
from keras_cnns.export_scripts.script import Shipment, check_count, run
from keras_cnns.saving.card import Card, write_card
from keras_cnns.support.errors import UserError
from keras_cnns.testing import randomize
from keras_cnns.tflite import predict
from tests.models.test_faster_rcnn import SMALL

SCRIPTS = Path(__file__).parents[2] / "export"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A small network that knows the digits at 16 x 16, pixels from 0 to 255, as a recipe leaves it."""
    import keras

    from keras_cnns.data.pipeline import load_arrays

    keras.utils.set_random_seed(0)
    images, labels, names = load_arrays("digits", "train", size=16, channels=1)
    x = image = keras.Input((16, 16, 1), name="image")
    x = keras.layers.Conv2D(16, 3, 2, activation="relu")(keras.layers.Rescaling(1 / 255)(x))
    x = keras.layers.Flatten()(keras.layers.Conv2D(16, 3, activation="relu")(x))
    model = keras.Model(image, keras.layers.Dense(10, "softmax", name="predictions")(x), name="small")
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(images, labels, 32, epochs=6, verbose=0)
    path = tmp_path_factory.mktemp("run") / "model.keras"
    model.save(path)
    write_card(path, Card("small", tuple(names), {"recipe": "here"}))
    return path


def test_a_shipment(checkpoint, tmp_path, capsys):
    shipment = Shipment(checkpoint=str(checkpoint), out=str(tmp_path), schemes=("float32", "int8"))
    assert run(shipment, ["--qat-epochs", "1", "--calibration", "100"]) == 0
    files = {path.name for path in tmp_path.iterdir()}
    page = next(tmp_path.glob("*.md"))  # of the fastest, whichever it is
    assert files == {"small_float32.tflite", "small_int8.tflite", "small_int8_qat.tflite", "report.json", page.name}
    reports = json.loads((tmp_path / "report.json").read_text())
    assert [report["scheme"] for report in reports] == ["float32", "int8", "int8_qat"]
    assert all(report["status"] == "pass" and report["comparisons"][0]["accuracy"] > 0.9 for report in reports)
    assert "int8_qat" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "kind", "drawn"),
    [("fcn8s", "segmentation", "class Segmenter("), ("faster_rcnn", "boxes", "class Detector(")],
)
def test_what_finds_masks_or_boxes_is_shipped_on_its_own_data(model, kind, drawn, tmp_path, monkeypatch, capsys):
    """From scenes, which have no labels; judged by what fits, with lines that draw."""
    monkeypatch.setattr(shapes, "COUNTS", {"train": 12, "test": 6})
    columns = SMALL if model == "faster_rcnn" else {name: SMALL[name] for name in ("backbone", "columns")}
    network = build(model, **columns | {"input_shape": (64, 64, 3), "classes": 10 + (model == "fcn8s")})
    network = randomize(network)
    network.save(tmp_path / "model.keras")
    names = [str(n) for n in range(10)]
    write_card(tmp_path / "model.keras", Card(model, tuple([BACKGROUND, *names] if model == "fcn8s" else names)))
    shipment = Shipment(str(tmp_path / "model.keras"), str(tmp_path / "out"), "scenes", schemes=("float32", "int8"))
    assert run(shipment, ["--force", "--calibration", "8"]) == 0
    reports = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [report["comparisons"][0]["kind"] for report in reports] == [kind, kind] and reports[0]["status"] == "pass"
    assert reports[0]["pictures"] == 6
    (page,) = (tmp_path / "out").glob("*.md")
    assert drawn in page.read_text()
    capsys.readouterr()
    assert run(shipment, ["--qat-epochs", "1"]) == 2 and "qat_epochs" in capsys.readouterr().err


@pytest.mark.slow
def test_a_checkpoint_that_ends_in_logits_is_trained_further_as_such(checkpoint, tmp_path):
    import keras

    from keras_cnns.tflite.rewrite.ends import with_ends

    model = with_ends(keras.models.load_model(checkpoint), head="logits")
    model.save(tmp_path / "logits.keras")
    out = tmp_path / "out"
    words = ["--checkpoint", str(tmp_path / "logits.keras"), "--qat-epochs", "1", "--schemes", "int8"]
    assert run(Shipment(checkpoint="", out=str(out)), words) == 0
    after, trained = json.loads((out / "report.json").read_text())
    assert trained["comparisons"][0]["accuracy"] >= after["comparisons"][0]["accuracy"] - 0.02


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--checkpoint", "nowhere.keras"], "no checkpoint nowhere.keras"),
        (["--schemes", "int9"], "Did you mean"),
        (["--dataset", "folder:nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_one_line_and_exit_with_two(flags, message, checkpoint, tmp_path, capsys):
    assert run(Shipment(checkpoint=str(checkpoint), out=str(tmp_path)), flags) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("error: ") and message in line


@pytest.mark.parametrize(
    ("outputs", "names", "message"),
    [
        (4, ("dark", "light"), "folder:shades has 2 classes, and four.keras has 4 outputs."),
        (2, ("a", "b", "c"), "has 3 classes"),
        (1, ("a", "b", "c"), "has 1 output."),
        (1, ("dark", "light"), None),
        (3, ("a", "b", "c"), None),
        (3, (), None),
    ],
)
def test_a_data_set_of_another_number_of_classes_is_named(outputs, names, message):
    import keras

    image = keras.Input((8, 8, 3))
    model = keras.Model(image, keras.layers.Dense(outputs)(keras.layers.Flatten()(image)))
    if message is None:
        return check_count(model, "four.keras", "folder:shades", names)
    with pytest.raises(UserError, match=message):
        check_count(model, "four.keras", "folder:shades", names)


def test_the_schemes_of_a_shipment_share_one_exporter(checkpoint, tmp_path, monkeypatch):
    from keras_cnns.tflite import original as module

    answered = []
    float_answers = module.float_answers
    monkeypatch.setattr(
        module, "float_answers", lambda *args, **more: answered.append(1) or float_answers(*args, **more)
    )
    shipment = Shipment(checkpoint=str(checkpoint), out=str(tmp_path), schemes=("float32", "float16"))
    assert run(shipment, ["--calibration", "8", "--limit", "8"]) == 0
    assert len(list(tmp_path.glob("*.tflite"))) == 2 and len(answered) == 1


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_every_script_is_a_command_with_its_own_instructions(path):
    spec = importlib.util.spec_from_file_location(f"script_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert f"python export/{path.name}" in module.__doc__
    shipment = getattr(module, "SHIPMENT", None)
    assert isinstance(shipment, Shipment) or path.stem == "any_model"
    if shipment:  # the recipe it begins with is there
        recipe = next(word for word in module.__doc__.split() if word.startswith("recipes/"))
        assert (SCRIPTS.parent / recipe).is_file()


@pytest.fixture
def folder(tmp_path):
    """40 digits as PNG files, a folder for each class."""
    from keras_cnns.data.pipeline import load_arrays

    images, labels, _ = load_arrays("digits", "test", size=16, channels=1, limit=40)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        (tmp_path / "digits" / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(tmp_path / "digits" / str(label) / f"{number}.png")
    return tmp_path / "digits"


@pytest.mark.slow
def test_any_model_and_a_folder_of_pictures(checkpoint, folder, tmp_path, capsys):
    out = tmp_path / "mine.tflite"
    words = [str(checkpoint), str(folder), "--out", str(out), "--scheme", "int8", "--input-type", "uint8"]
    assert any_model.run(words) == 0
    assert "int8" in capsys.readouterr().out
    images, labels, names = any_model.read_folder(folder, (16, 16, 1), 400)
    assert names == tuple("0123456789") and len(images) == 40
    assert np.mean(predict(out, images).argmax(-1) == labels) > 0.8


def test_folders_that_cannot_be_used(checkpoint, folder, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (folder / "0" / "broken.png").write_bytes(b"not a picture")
    for where, message in (("none", "no folder"), ("empty", "holds 0 pictures"), ("digits", "broken.png")):
        assert any_model.run([str(checkpoint), str(tmp_path / where)]) == 2
        assert message in capsys.readouterr().err


def test_a_script_does_not_load_tensorflow_before_it_runs():
    import subprocess

    code = "import sys; from keras_cnns.export_scripts import any_model, script; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=SCRIPTS.parent)
