"""Held batch normalization trains its gain and offset, keeps its statistics, and computes as in inference."""

import keras
import numpy as np
from keras import layers

from keras_cnns.graph.hold_statistics import hold_statistics
from keras_cnns.layers import HeldBatchNormalization
from keras_cnns.testing import randomize


def fitted(layer):
    """A network that holds the layer, before and after a training on data that its statistics do not fit."""
    inner = keras.Sequential([keras.Input((6, 6, 3)), layer], name="inner")
    model = randomize(keras.Sequential([keras.Input((6, 6, 3)), inner, layers.Flatten(), layers.Dense(2)]))
    before = [np.array(w) for w in layer.get_weights()]
    model.compile(keras.optimizers.SGD(0.05), "mse", jit_compile=False)
    model.fit(7 + np.random.default_rng(0).normal(size=(32, 6, 6, 3)), np.zeros((32, 2)), verbose=0)
    return model, before, layer.get_weights()


def test_gain_and_offset_move_and_the_statistics_do_not():
    _, before, after = fitted(HeldBatchNormalization())
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [False, False, True, True]
    _, before, after = fitted(layers.BatchNormalization())
    assert not any(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_it_computes_in_training_what_it_computes_in_inference():
    layer = HeldBatchNormalization(epsilon=0.1)
    x = 3 + np.random.default_rng(0).normal(size=(4, 5, 5, 2)).astype("float32")
    layer(x)
    layer.set_weights(np.array([[1.5, 0.5], [0.1, -0.2], [2.0, 3.0], [0.5, 4.0]]))
    wanted = np.array([1.5, 0.5]) * (x - [2, 3]) / np.sqrt(np.array([0.5, 4.0]) + 0.1) + [0.1, -0.2]
    np.testing.assert_allclose(layer(x, training=True), wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(layer(x), wanted, rtol=1e-5, atol=1e-5)


def test_holding_a_finished_network_reaches_nested_layers_and_leaves_the_weights(tmp_path):
    model, _, _ = fitted(layers.BatchNormalization(name="norm"))
    weights, x = model.get_weights(), np.random.default_rng(1).normal(size=(4, 6, 6, 3))
    right = model.predict(x, verbose=0)
    hold_statistics(model)
    assert isinstance(model.get_layer("inner").get_layer("norm"), HeldBatchNormalization)
    np.testing.assert_array_equal(model.predict(x, verbose=0), right)
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))
    model.save(tmp_path / "held.keras")
    again = keras.models.load_model(tmp_path / "held.keras")
    assert isinstance(again.get_layer("inner").get_layer("norm"), HeldBatchNormalization)
    np.testing.assert_allclose(again.predict(x, verbose=0), right, rtol=1e-6)
