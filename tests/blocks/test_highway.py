"""A highway layer mixes its input and a transformation of it by a gate."""

import keras
import numpy as np
import pytest

from keras_cnns import build
from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.highway import highway
from keras_cnns.testing import pictures, randomize


def convolution(x, kernel, bias):
    """3x3 with zeros around, in NumPy."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = x.shape[1:3]
    windows = [(padded[:, i : i + height, j : j + width], kernel[i, j]) for i in range(3) for j in range(3)]
    return sum(window @ k for window, k in windows) + bias


def test_equation_3():
    image = keras.Input((5, 7, 4))
    model = randomize(keras.Model(image, highway(image, unit=ConvUnit(), name="conv2")))
    x = pictures(2, (5, 7, 4)) - 0.5
    h = np.maximum(convolution(x, *model.get_layer("conv2_transform_conv").get_weights()), 0)
    t = 1 / (1 + np.exp(-convolution(x, *model.get_layer("conv2_gate_conv").get_weights())))
    assert 0.05 < t.min() < t.max() < 0.95 or np.ptp(t) > 0.2, "the gate must matter"
    np.testing.assert_allclose(model(x), h * t + x * (1 - t), rtol=1e-4, atol=1e-5)


def test_the_gate_is_nearly_closed_at_the_start():
    image = keras.Input((5, 7, 4))
    model = keras.Model(image, highway(image, gate_bias=-20.0, unit=ConvUnit(), name="conv2"))
    x = pictures(2, (5, 7, 4))
    np.testing.assert_allclose(model(x), x, atol=1e-6)


@pytest.mark.parametrize(("layers", "published"), [(11, 236e3), (19, 2.3e6), (32, 1.25e6)])
def test_published_layers_and_parameters(layers, published):
    model = build(f"highway{layers}_cifar")
    depth = sum(type(layer).__name__ in ("Conv2D", "Dense") and "_gate" not in layer.name for layer in model.layers)
    assert depth == layers
    assert model.count_params() == pytest.approx(published, rel=0.02)
