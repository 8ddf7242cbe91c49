"""What needs TensorFlow says so in one line where Keras runs on another backend. The rest works: test_backends.py."""

import keras
import pytest

from keras_cnns import tasks, tflite
from keras_cnns.insight.maps.inspected_model import InspectedModel
from keras_cnns.support.errors import UserError
from keras_cnns.training import Recipe

CALLS = {
    "export": lambda model, folder: tflite.export(model, folder / "a.tflite"),
    "Exporter": lambda model, folder: tflite.Exporter(model),
    "quantization_aware": lambda model, folder: tflite.quantization_aware(model),
    "map": lambda model, folder: InspectedModel(model),
    "train": lambda model, folder: tasks.of(Recipe("lenet5", out=str(folder / "run"))),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_one_line(call, backend, tmp_path, monkeypatch):
    image = keras.Input((4,))
    model = keras.Model(image, keras.layers.Dense(2)(image))
    monkeypatch.setattr(keras.config, "backend", lambda: backend)
    with pytest.raises(UserError, match=f"runs on {backend}: set KERAS_BACKEND=tensorflow") as error:
        CALLS[call](model, tmp_path)
    assert "\n" not in str(error.value) and not list(tmp_path.iterdir())
