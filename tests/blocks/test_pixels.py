"""Resizing in the middle of a network: bilinear by any factor, and without an effect on the layers behind it."""

import keras
import numpy as np
import pytest

from keras_cnns.blocks.pixels import resize_like
from keras_cnns.testing import pictures


@pytest.mark.parametrize("size", [(8, 12), (9, 13), (1, 1)])
def test_a_known_size_gives_what_an_open_one_gives(size):
    """Whole factors are another layer than other factors, and than open sizes."""
    small, large = pictures(2, (4, 6, 2)), np.zeros((2, *size, 1), "float32")
    results = []
    for shapes in (((4, 6, 2), (*size, 1)), ((None, None, 2), (None, None, 1))):
        inputs = [keras.Input(shape) for shape in shapes]
        results.append(np.asarray(keras.Model(inputs, resize_like(*inputs, name="resize"))([small, large])))
    assert results[0].shape == (2, *size, 2)
    np.testing.assert_allclose(*results, atol=1e-6)


@pytest.mark.parametrize("size", [(8, 12), (9, 13)])
def test_a_call_without_training_is_inference(size):
    image = keras.Input((4, 6, 2))
    like = keras.layers.ZeroPadding2D(((0, size[0] - 4), (0, size[1] - 6)))(image)
    norm = keras.layers.BatchNormalization()
    model = keras.Model(image, norm(resize_like(image, like, name="resize")))
    model(pictures(2, (4, 6, 2)))
    np.testing.assert_array_equal(norm.moving_mean, 0)
