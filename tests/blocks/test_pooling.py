"""Every pooling against its definition, window by window."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_cnns.blocks import pooling
from keras_cnns.layers import WeightedPooling2D

X = np.random.default_rng(0).normal(0, 2, (2, 9, 11, 3)).astype("float32")


def model(block, shape=X.shape[1:], **options):
    image = keras.Input(shape)
    return keras.Model(image, block(image, name="pool", **options))


def windows(x, size, stride):
    """[batch, rows, columns, size, size, channels]."""
    view = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
    return np.moveaxis(view, 3, -1)[:, ::stride, ::stride]


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (3, 1)])
def test_minimum(size, stride):
    expected = windows(X, size, stride).min(axis=(3, 4))
    np.testing.assert_allclose(model(pooling.min_pool, size=size, stride=stride)(X), expected)


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2)])
def test_l2(size, stride):
    expected = np.sqrt((windows(X, size, stride) ** 2).sum(axis=(3, 4)))
    np.testing.assert_allclose(model(pooling.l2_pool, size=size, stride=stride)(X), expected, rtol=1e-5)


def test_l2_has_a_gradient_where_everything_is_zero():
    x = tf.zeros((1, 4, 4, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(pooling.l2_pool, shape=(4, 4, 1), size=2)(x)
    assert np.isfinite(tape.gradient(y, x)).all()


@pytest.mark.parametrize(("size", "stride"), [(3, 2), (4, 4)])
def test_weights_fall_with_the_distance(size, stride):
    centre = (size - 1) / 2
    weights = np.array(
        [
            [np.exp(-((i - centre) ** 2 + (j - centre) ** 2) / (2 * (size / 4) ** 2)) for j in range(size)]
            for i in range(size)
        ]
    )
    weights /= weights.sum()
    expected = np.einsum("nrcijk,ij->nrck", windows(X, size, stride), weights)
    actual = model(pooling.weighted_pool, size=size, stride=stride)
    assert actual.output_shape[1:] == expected.shape[1:]
    np.testing.assert_allclose(actual(X), expected, atol=1e-5)


def test_a_very_wide_bell_is_the_mean():
    np.testing.assert_allclose(WeightedPooling2D(3, 3, sigma=1e6)(X), windows(X, 3, 3).mean(axis=(3, 4)), atol=1e-5)


def test_adaptive_leaves_a_picture_of_its_size_alone():
    assert len(model(pooling.adaptive_pool, shape=(7, 7, 3), size=7).layers) == 1
    assert model(pooling.adaptive_pool, shape=(9, 8, 3), size=7).output_shape == (None, 7, 7, 3)


def test_subsampling_adds_four_and_has_a_coefficient_and_a_bias_a_map():
    subsampling = model(pooling.trainable_subsampling, shape=(8, 6, 3))
    gain, bias = np.array([0.5, -2, 3], "float32"), np.array([1, 2, 3], "float32")
    assert subsampling.count_params() == 6
    subsampling.get_layer("pool").set_weights([gain.reshape(1, 1, 3, 1), bias])
    x = X[:, :8, :6]
    expected = gain * windows(x, 2, 2).sum(axis=(3, 4)) + bias
    np.testing.assert_allclose(subsampling(x), expected, rtol=1e-4, atol=1e-4)
