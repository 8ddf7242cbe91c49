"""A grouped convolution computes the same in all its forms, forwards and backwards."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_cnns.layers import GroupedConv2D, grouped
from keras_cnns.testing import randomize


def by_hand(x, kernel, bias, groups, stride):
    """One window at a time, in NumPy; nothing is padded."""
    height, width, channels, filters = kernel.shape
    size = [(n - k) // stride + 1 for n, k in zip(x.shape[1:3], kernel.shape[:2], strict=True)]
    y = np.zeros((len(x), *size, filters))
    for f in range(filters):
        first = f // (filters // groups) * channels  # where the filter's group begins
        for i in range(size[0]):
            for j in range(size[1]):
                rows, columns = i * stride, j * stride
                window = x[:, rows : rows + height, columns : columns + width, first : first + channels]
                y[:, i, j, f] = (window * kernel[..., f]).sum((1, 2, 3)) + bias[f]
    return y


def layer_and_input(channels, filters, groups, **arguments):
    rng = np.random.default_rng(0)
    layer = GroupedConv2D(filters, 3, groups=groups, **arguments)
    x = rng.normal(size=(2, 9, 7, channels)).astype("float32")
    layer.build(x.shape)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    return layer, x


@pytest.mark.parametrize("training", [False, True])
def test_equals_the_definition(training):
    layer, x = layer_and_input(12, 8, 4, strides=2)
    expected = by_hand(x, *layer.get_weights(), groups=4, stride=2)
    np.testing.assert_allclose(layer(x, training=training), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("channels", "filters", "groups", "parts"),
    [(128, 128, 32, 4), (64, 128, 2, 2), (96, 96, 3, 3), (32, 64, 32, 1), (20, 10, 5, 1)],
)
@pytest.mark.parametrize("arguments", [{"padding": "same"}, {"strides": 2, "padding": "same", "activation": "relu"}])
def test_training_and_inference_agree_in_outputs_and_gradients(
    channels, filters, groups, parts, arguments, monkeypatch
):
    layer, x = layer_and_input(channels, filters, groups, **arguments)
    assert grouped.slow_here()
    convolutions = []
    convolve = layer.convolution_op
    monkeypatch.setattr(layer, "convolution_op", lambda x, k: convolutions.append(k.shape) or convolve(x, k))

    def gradients(training):
        convolutions.clear()
        with tf.GradientTape() as tape:
            tape.watch(image := tf.constant(x))
            y = layer(image, training=training)
            loss = tf.reduce_sum(y * tf.cos(tf.range(tf.size(y), dtype="float32")).numpy().reshape(y.shape))
        return [y, *tape.gradient(loss, [image, *layer.trainable_weights])], len(convolutions)

    (fast, several), (plain, first) = gradients(training=True), gradients(training=False)
    assert (several, first) == (parts, 1)
    for a, b in zip(fast, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max())


def test_weights_interchange_with_keras():
    layer, x = layer_and_input(64, 64, 16, padding="same")
    theirs = keras.layers.Conv2D(64, 3, groups=16, padding="same")
    theirs.build(x.shape)
    theirs.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(x), theirs(x), rtol=1e-5, atol=1e-5)


def test_a_saved_model_loads_without_custom_objects(tmp_path):
    image = keras.Input((9, 7, 64))
    model = keras.Model(image, GroupedConv2D(32, 3, groups=4, name="grouped")(image))
    x = np.random.default_rng(0).normal(size=(2, 9, 7, 64))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


def test_normalization_and_all_become_one_grouped_convolution_in_the_file(tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    from keras_cnns.tflite import export

    image = keras.Input((16, 16, 64))
    x = GroupedConv2D(64, 3, groups=16, padding="same", use_bias=False)(image)
    model = randomize(keras.Model(image, keras.layers.ReLU()(keras.layers.BatchNormalization()(x))))
    assert export(model, tmp_path / "model.tflite").status == "pass"
    interpreter = Interpreter(str(tmp_path / "model.tflite"))
    operators = [op["op_name"] for op in interpreter._get_ops_details() if op["op_name"] != "DELEGATE"]
    assert operators == ["CONV_2D"]
