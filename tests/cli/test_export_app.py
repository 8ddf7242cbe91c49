"""`keras-cnns export --app`: the source code of an app beside the file."""

import ast

import keras
import pytest

from keras_cnns.cli import commands


@pytest.fixture
def model(tmp_path):
    image = keras.Input((8, 8, 1))
    scores = keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(image))
    keras.Model(image, scores).save(tmp_path / "net.keras")
    return tmp_path / "net.keras"


def test_the_app_code_is_written_beside_the_file(model, capsys):
    with pytest.raises(SystemExit) as exit:
        commands.main(["export", str(model), "--app", "python"])
    file, source = capsys.readouterr().out.splitlines()[-2:]
    assert exit.value.code == 0 and file == f"{model.parent}/net_float32.tflite"
    assert source == f"{model.parent}/net_float32.py" and ast.parse((model.parent / "net_float32.py").read_text())


def test_an_unknown_platform_is_refused_before_the_export(model):
    with pytest.raises(SystemExit) as exit:
        commands.main(["export", str(model), "--app", "symbian"])
    assert exit.value.code == 2 and not list(model.parent.glob("*.tflite"))
