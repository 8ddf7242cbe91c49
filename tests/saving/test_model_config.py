"""What the configuration of a model may name, and what it may not."""

import sys

import keras
import pytest
from keras import layers

from keras_cnns.saving.keras_file import load_model
from keras_cnns.saving.model_config import check_config
from keras_cnns.support.errors import UserError
from tests.saving.test_variable_limit import altered, network


def function(module, name):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def activation(value):
    return lambda rows: rows[-1]["config"].update(activation=value)


def call(*args):
    """A call of the last layer with other arguments, before its own."""
    return lambda rows: rows[-1]["inbound_nodes"].insert(0, {"args": list(args), "kwargs": {}})


def array(value, dtype):
    return {"class_name": "__numpy__", "config": {"value": value, "dtype": dtype}}


def operation(rows):
    node = {"args": [0, 10**10], "kwargs": {}}
    rows.append({"module": "keras.src.ops.numpy", "class_name": "Arange", "config": {"name": "arange"}})
    rows[-1] |= {"registered_name": "Arange", "name": "arange", "inbound_nodes": [node]}


NO_PART = "which is no part of a network"
REFUSED = {
    "a setting": (activation(function("keras.config", "set_epsilon")), NO_PART),
    "a download": (activation(function("keras.utils", "get_file")), NO_PART),
    "a data set": (activation({"module": "keras.datasets.mnist", "class_name": "load_data", "config": {}}), NO_PART),
    "a writer": (activation(function("keras.models", "save_model")), NO_PART),
    "a network with its weights": (activation(function("keras.applications", "ResNet50")), NO_PART),
    "a lookup": (activation(function("builtins", "deserialize")), NO_PART),
    "a constant alone": (call(array([[1.0] * 4], "float32")), "with constants alone"),
    "an operation on constants": (operation, "calls the layer 'arange' with constants alone"),
    "long strings": (activation(array(["a"], "U900000000")), "an array of type 'U900000000'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_a_network_is_refused_before_anything_is_made(case, tmp_path, monkeypatch):
    change, message = REFUSED[case]
    path = altered(tmp_path / "net.keras", network(layers.Dense(4), shape=(4,)), change)
    monkeypatch.setattr(keras.saving, "load_model", None)  # never called
    with pytest.raises(UserError, match=f"cannot read .*net.keras as a Keras model: .*{message}"):
        load_model(path)


def test_a_package_beside_the_file_is_not_imported(tmp_path, monkeypatch):
    """Keras imports keras_cv where a file names it; a folder of that name may lie beside the file."""
    (tmp_path / "keras_cv").mkdir()
    (tmp_path / "keras_cv" / "__init__.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w').close()")
    monkeypatch.syspath_prepend(str(tmp_path))

    def change(rows):
        rows[-1].update(module="keras_cv.layers", class_name="Other", registered_name="Other")

    path = altered(tmp_path / "net.keras", network(layers.Dense(4), shape=(4,)), change)
    with pytest.raises(UserError, match="it names keras_cv, and a module of this name lies"):
        load_model(path)
    assert not (tmp_path / "mark").exists() and "keras_cv" not in sys.modules


def test_networks_with_constants_functions_losses_and_several_calls_are_read(tmp_path):
    image = keras.Input((4, 4, 3))
    layer = layers.Conv2D(3, 3, padding="same", activation=keras.ops.relu, kernel_constraint="non_neg")
    x = keras.ops.add(layer(layer(image)), keras.ops.ones((1, 1, 1, 3)))
    model = keras.Model(image, layers.Activation(keras.activations.tanh)(x))
    model.compile("adam", keras.losses.Huber(), metrics=["accuracy", keras.metrics.AUC()])
    model.save(tmp_path / "net.keras")
    assert len(load_model(tmp_path / "net.keras").layers) == len(model.layers)


@pytest.mark.parametrize("value", [None, 5, [], {"class_name": 5}, {"module": [], "class_name": {}}])
def test_what_is_no_configuration_is_left_to_keras(value, tmp_path):
    check_config(value, tmp_path)
