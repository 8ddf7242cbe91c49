"""The calls of a model, which the profile, the maps and the export share."""

import keras
import numpy as np
from keras import layers

import keras_cnns
from keras_cnns.graph.calls import Calls
from keras_cnns.graph.reader import read
from keras_cnns.insight.maps.inspected_model import InspectedModel
from keras_cnns.testing import randomize


def called_with_a_dict():
    """A nested model whose inputs stand in another order than the keys it is called with."""
    b, a = keras.Input((4,), name="b"), keras.Input((3,), name="a")
    inner = keras.Model(
        [b, a], layers.Concatenate()([layers.Dense(2, name="of_b")(b), layers.Dense(5, name="of_a")(a)])
    )
    x = image = keras.Input((7,))
    return randomize(keras.Model(image, layers.Dense(2)(inner({"a": x[:, :3], "b": x[:, 3:]}))))


def shared_and_twice_nested():
    deep = keras.Sequential([keras.Input((4, 4, 3)), layers.Conv2D(3, 3, padding="same", name="conv")], name="deep")
    middle = keras.Sequential([keras.Input((4, 4, 3)), deep, layers.ReLU()], name="middle")
    image = keras.Input((4, 4, 3))
    return randomize(keras.Model(image, middle(middle(image))))


def test_both_readers_see_the_same_calls_in_the_same_order():
    for make in (called_with_a_dict, shared_and_twice_nested):
        model = make()
        ours = [call.operation.name for call in Calls(model) if call.inputs and isinstance(call.operation, keras.Layer)]
        theirs = [n.origin for n in read(model).nodes if n.origin in ours]
        assert sorted(ours) == sorted(theirs) and len(ours) >= 4


def test_inputs_given_by_name_go_where_they_belong():
    model = called_with_a_dict()
    values = np.random.default_rng(0).normal(size=(5, 7)).astype("float32")
    np.testing.assert_allclose(InspectedModel(model).run(values)[0], model(values), rtol=1e-5)
    np.testing.assert_allclose(read(model).build()(values), model(values), rtol=1e-5)


def test_paths_name_the_models_around_a_call():
    calls = Calls(shared_and_twice_nested())
    assert [c.name for c in calls if "conv" in c.name] == ["middle/deep/conv", "middle/deep/conv:2"]
    assert calls[calls.find("middle/deep")].name.startswith("middle/deep/conv")


def test_a_nested_model_takes_a_value_as_keras_adapts_it():
    """Its input has another type and one axis more than what it is called with."""
    inner_image = keras.Input((4, 1), dtype="float32")
    inner = keras.Model(inner_image, layers.Dense(2)(layers.Flatten()(inner_image)))
    image = keras.Input((4,), dtype="int32")
    model = randomize(keras.Model(image, inner(image)))
    values = np.arange(8).reshape(2, 4)
    (ref,) = next(call for call in Calls(model) if call.name.endswith("flatten") or "flatten" in call.name).inputs
    assert ref.shape == (None, 4, 1) and ref.dtype == "float32" and ref.adapted == (((None, 4, 1), "float32"),)
    np.testing.assert_allclose(InspectedModel(model).run(values)[0], model(values), rtol=1e-5)
    np.testing.assert_allclose(read(model).build()(values), model(values), rtol=1e-5)


class Dropout(layers.Layer):
    """Somebody's own, which does something else than Keras's."""

    def call(self, x):
        return keras.ops.flip(x, axis=1)


def test_layers_are_distinguished_by_class_and_not_by_name():
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, Dropout()(layers.Conv2D(2, 3)(image)))
    profile = keras_cnns.profile(model)
    assert profile[1].field == (3, 3) and profile[2].kind == "Dropout" and profile[2].field == ()
    assert profile.uncounted == {"Dropout": 1}
