"""Adaptive pooling: size x size windows that cover any picture, as torch defines them."""

import math

import keras
import numpy as np
import pytest

from keras_cnns.layers import AdaptivePooling2D

SHAPES = [(7, 7), (14, 10), (9, 5), (2, 3)]


def expected(x, size, reduce):
    _, height, width, _ = x.shape
    rows = [slice(math.floor(i * height / size), math.ceil((i + 1) * height / size)) for i in range(size)]
    columns = [slice(math.floor(j * width / size), math.ceil((j + 1) * width / size)) for j in range(size)]
    return np.stack([np.stack([reduce(x[:, r, c], axis=(1, 2)) for c in columns], 1) for r in rows], 1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reduce", ["mean", "max"])
def test_windows_cover_the_picture(shape, reduce):
    x = np.random.default_rng(0).normal(size=(2, *shape, 3)).astype("float32")
    np.testing.assert_allclose(AdaptivePooling2D(7, reduce)(x), expected(x, 7, getattr(np, reduce)), atol=1e-6)


def test_the_size_may_be_known_only_when_it_runs():
    image = keras.Input((None, None, 3))
    model = keras.Model(image, AdaptivePooling2D(4)(image))
    assert model.output_shape == (None, 4, 4, 3)
    for shape in SHAPES:
        x = np.random.default_rng(0).normal(size=(2, *shape, 3)).astype("float32")
        np.testing.assert_allclose(model(x), expected(x, 4, np.mean), atol=1e-6)
