"""What a network is shown is cropped as in the evaluation of its training, whatever looks at it.

The pictures are 64 x 64, the network takes 32 x 32 and was evaluated on the middle half, so the middle is not resized.
The middle has the colour of the class, the frame around it that of the other one: whoever sees the full picture is
wrong about each.
"""

import json

import keras
import numpy as np
import pytest
from PIL import Image

from keras_cnns.cli import commands
from keras_cnns.cli.check import _bytes
from keras_cnns.export_scripts.script import Shipment, ship
from keras_cnns.insight import explain as explanations
from keras_cnns.saving.card import Card, write_card
from keras_cnns.tflite import export

CARD = Card("colours", ("green", "red"), {"recipe": {"augment": {"crop": "centre", "crop_fraction": 0.5}}})
COLOURS = {"green": (10, 230, 10), "red": (230, 10, 10)}


def framed(name, other, seed):
    pixels = np.full((64, 64, 3), COLOURS[other], "uint8")
    pixels[16:48, 16:48] = COLOURS[name]
    return pixels + np.random.default_rng(seed).integers(0, 9, pixels.shape, "uint8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("view")
    for n, (name, other) in enumerate([("green", "red"), ("red", "green")]):
        for k in range(20):
            path = folder / "pictures" / ("test" if k % 2 else "train") / name / f"{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(framed(name, other, 20 * n + k)).save(path)
    pixels = keras.Input((32, 32, 3))
    scores = keras.layers.Dense(2, "softmax", use_bias=False)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(pixels))
    model = keras.Model(pixels, scores(x), name="colours")
    scores.set_weights([np.array([[-3, 3], [3, -3], [0, 0]], "float32")])
    model.save(folder / "model.keras")
    write_card(folder / "model.keras", CARD)
    return folder


def held_out(folder):
    return sorted((folder / "pictures" / "test").rglob("*.png"))


def middles(paths):
    return np.stack([np.asarray(Image.open(path))[16:48, 16:48] for path in paths])


def command(capsys, *words):
    with pytest.raises(SystemExit) as end:
        commands.main(list(map(str, words)))
    out, err = capsys.readouterr()
    assert not end.value.code, err
    return out


@pytest.mark.slow
def test_the_script_that_exports_a_run_measures_the_middle(folder):
    options = {"dataset": f"folder:{folder / 'pictures'}", "schemes": ("float32",), "calibration": 8}
    for fraction, accuracy in ((None, 1.0), (1.0, 0.0)):
        shipment = Shipment(str(folder / "model.keras"), str(folder / "out"), crop_fraction=fraction, **options)
        (report,) = ship(shipment)
        assert report.comparisons[0].accuracy == accuracy


@pytest.mark.slow
def test_the_export_of_the_command_measures_and_calibrates_with_the_middle(folder, capsys):
    path = folder / "int8.tflite"
    words = ["--dataset", f"folder:{folder / 'pictures'}", "--scheme", "int8", "--out", path]
    command(capsys, "export", folder / "model.keras", *words)
    assert json.loads(path.with_suffix(".report.json").read_text())["comparisons"][0]["accuracy"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["keras", "tflite"])
def test_predictions_are_those_of_the_middle(folder, capsys, ending):
    model, paths = (
        keras.models.load_model(folder / "model.keras"),
        sorted((folder / "pictures" / "test").rglob("*.png")),
    )
    path = folder / f"model.{ending}"
    if ending == "tflite":
        export(model, path, images=middles(paths).astype("float32"), card=CARD)
    rows = json.loads(command(capsys, "predict", folder / "pictures" / "test", "--model", path, "--json"))
    scores = {row["picture"]: dict(row["classes"]) for row in rows}
    for path, expected in zip(paths, model.predict(middles(paths), verbose=0), strict=True):
        np.testing.assert_allclose([scores[str(path)][name] for name in CARD.labels], expected, atol=1e-5)


@pytest.mark.slow
def test_explanations_show_the_middle(folder, capsys, monkeypatch):
    paths, shown = sorted((folder / "pictures" / "test" / "red").iterdir())[:3], []
    monkeypatch.setattr(explanations.draw, "maps_sheet", lambda path, pictures, *_, **__: shown.append(pictures))
    command(capsys, "explain", folder / "model.keras", *paths, "--method", "integrated_gradients", "--out", folder)
    np.testing.assert_allclose(shown[0] * 255, middles(paths), atol=1e-3)


@pytest.mark.slow
def test_a_check_runs_the_file_on_the_middle(folder):
    model, paths = (
        keras.models.load_model(folder / "model.keras"),
        sorted((folder / "pictures" / "test").rglob("*.png")),
    )
    path = folder / "checked.tflite"
    export(model, path, images=middles(paths).astype("float32"), card=CARD)
    np.testing.assert_array_equal(_bytes(path, str(folder / "pictures" / "test")), middles(paths))
