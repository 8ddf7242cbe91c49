"""Layer scale, global response normalization and padding for a stride, against the same in NumPy."""

import keras
import numpy as np
import pytest

from keras_cnns.layers import GlobalResponseNormalization, LayerScale, SamePadding2D


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(0, 3, (2, 5, 6, 7)).astype("float32")


def test_global_response_normalization_is_algorithm_1(x):
    """Woo et al. 2023: gx = norm(X, 2, (H, W)); nx = gx / (mean(gx, C) + 1e-6); gamma * (X * nx) + beta + X."""
    layer = GlobalResponseNormalization()
    layer.build(x.shape)
    gamma, beta = np.random.default_rng(1).normal(size=(2, 7)).astype("float32")
    layer.set_weights([gamma, beta])
    gx = np.sqrt((x**2).sum(axis=(1, 2), keepdims=True))
    nx = gx / (gx.mean(axis=-1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(layer(x), gamma * (x * nx) + beta + x, rtol=1e-4, atol=1e-5)


def test_global_response_normalization_begins_as_the_identity_and_survives_zeros(x):
    np.testing.assert_array_equal(GlobalResponseNormalization()(x), x)
    assert np.isfinite(GlobalResponseNormalization()(np.zeros_like(x))).all()


def test_layer_scale_multiplies_channels(x):
    layer = LayerScale(0.5)
    np.testing.assert_array_equal(layer(x), 0.5 * x)
    layer.set_weights([np.arange(7, dtype="float32")])
    np.testing.assert_array_equal(layer(x), np.arange(7, dtype="float32") * x)


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("sides", [(8, 8), (9, 9), (8, 11), (1, 2)])
def test_padding_is_where_a_strided_convolution_adds_it(size, sides):
    """A convolution with "same" padding and stride 2 equals one without padding on the padded picture."""
    x = np.random.default_rng(0).normal(size=(1, *sides, 3)).astype("float32")
    kernel = np.random.default_rng(1).normal(size=(size, size, 3, 4)).astype("float32")
    padded = keras.Sequential([keras.Input((None, None, 3)), SamePadding2D(size)])(x)
    expected = keras.ops.conv(x, kernel, 2, "same")
    np.testing.assert_allclose(keras.ops.conv(padded, kernel, 2, "valid"), expected, rtol=1e-4, atol=1e-4)
    assert SamePadding2D(size).compute_output_shape(x.shape) == padded.shape
