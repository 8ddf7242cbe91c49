"""A sparse network with symmetric padding answers as before; what XNNPACK cannot compute sparsely is left alone."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cnns.graph.reader import read
from keras_cnns.tflite.rewrite.padding import each
from keras_cnns.tflite.rewrite.prepare import prepared
from keras_cnns.tflite.rewrite.sparse_form import to_sparse_form


def network(side, *, zeros=0.8, size=3, middle=None, padding="same", pool=layers.GlobalAveragePooling2D):
    keras.utils.set_random_seed(0)
    x = image = keras.Input((*side, 3))
    x = layers.Conv2D(8, 3, 2, padding, bias_initializer="normal")(x)
    x = layers.ReLU(6.0)(layers.DepthwiseConv2D(size, 1, "same", bias_initializer="normal")(x))
    x = shortcut = layers.Conv2D(24, 1)(x)
    if middle is not None:
        x = middle()(x)
    x = layers.DepthwiseConv2D(size, 1, "same")(layers.Conv2D(24, 1, activation="relu")(x))
    x = layers.Add()([layers.Conv2D(24, 1)(x), shortcut])
    x = layers.DepthwiseConv2D(size, 2, "same", bias_initializer="normal")(x)
    x = pool()(layers.Conv2D(40, 1, activation="relu6")(x))
    model = keras.Model(image, layers.Dense(10)(x))
    for layer in model.layers:
        if type(layer) is layers.Conv2D and layer.kernel_size == (1, 1) or type(layer) is layers.Dense:
            kernel = layer.kernel.numpy()
            layer.kernel.assign(np.where(np.abs(kernel) < np.quantile(np.abs(kernel), zeros), 0, kernel))
    return model


def prepared_graph(model):
    return prepared(read(model), int8_forms=None)


@pytest.mark.parametrize("side, size", [((16, 20), 3), ((17, 21), 5), ((16, 21), 3), ((18, 18), 5)])
def test_the_answers_stay_and_every_strided_padding_becomes_symmetric(side, size):
    model = network(side, size=size)
    graph = prepared_graph(model)
    assert to_sparse_form(graph)
    for node in graph.nodes:
        if node.is_a(layers.Conv2D, layers.DepthwiseConv2D) and each(node.config["strides"])[:2] == (2, 2):
            half = node.weights[0].shape[0] // 2
            assert node.config.get("padding", "valid") == "valid" and node.input.config["padding"] == half
    assert any(node.kind == "mirror" for node in graph.nodes) == (not all(n % 2 for n in side))
    pictures = np.random.default_rng(1).normal(size=(3, *side, 3)).astype("float32")
    np.testing.assert_allclose(graph.build()(pictures), model(pictures), atol=2e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"zeros": 0.5},
        {"middle": lambda: layers.Conv2D(24, 3, padding="same")},
        {"middle": lambda: layers.MaxPooling2D(2, 1, "same")},
        {"middle": lambda: layers.DepthwiseConv2D(3, padding="same", dilation_rate=2)},
        {"padding": "valid"},
        {"pool": layers.Flatten},
    ],
    ids=["too few zeros", "a 3x3 convolution", "a pool", "a dilation", "an entry without padding", "places that count"],
)
def test_other_networks_stay_as_they_are(options):
    graph = prepared_graph(network((16, 16), **options))
    before = [node.kind for node in graph.nodes]
    assert not to_sparse_form(graph)
    assert [node.kind for node in graph.nodes] == before


def test_padding_that_is_symmetric_already_stays():
    x = image = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, 2)(layers.ZeroPadding2D(1)(x))
    x = layers.DepthwiseConv2D(3, 2)(layers.ZeroPadding2D(1)(x))
    model = keras.Model(image, layers.GlobalAveragePooling2D()(layers.Conv2D(8, 1, kernel_initializer="zeros")(x)))
    graph = prepared_graph(model)
    before = [node.kind for node in graph.nodes]
    assert to_sparse_form(graph) and [node.kind for node in graph.nodes] == before


@pytest.mark.parametrize(
    "layer",
    [lambda: layers.SeparableConv2D(24, 3, padding="same"), lambda: layers.Dense(24)],
    ids=["a separable convolution", "a dense layer over the channels"],
)
def test_layers_that_become_convolutions_are_read_as_such(layer):
    model = network((16, 16), zeros=0.95, middle=layer)
    graph = prepared_graph(model)
    assert to_sparse_form(graph)
    pictures = np.random.default_rng(1).normal(size=(2, 16, 16, 3)).astype("float32")
    np.testing.assert_allclose(graph.build()(pictures), model(pictures), atol=2e-6)
