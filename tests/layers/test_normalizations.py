"""Local response and local contrast normalization against sums written out position by position."""

import numpy as np
import pytest

from keras_cnns.layers import LocalContrastNormalization, LocalResponseNormalization


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(0, 3, (2, 7, 9, 11)).astype("float32")


@pytest.mark.parametrize(("n", "k", "alpha", "beta"), [(5, 2.0, 1e-4, 0.75), (3, 1.0, 0.5, 0.6)])
def test_local_response_divides_by_the_neighbouring_channels(x, n, k, alpha, beta):
    """Krizhevsky et al. 2012, section 3.3, as it is printed."""
    channels, expected = x.shape[-1], np.zeros_like(x)
    for i in range(channels):
        near = x[..., max(0, i - n // 2) : min(channels - 1, i + n // 2) + 1]
        expected[..., i] = x[..., i] / (k + alpha * (near**2).sum(axis=-1)) ** beta
    np.testing.assert_allclose(LocalResponseNormalization(n, k, alpha, beta)(x), expected, rtol=1e-5)


def test_local_contrast_subtracts_and_divides_by_the_surroundings(x):
    """Jarrett et al. 2009, section 2: one window over positions and channels, weights 1 in sum."""
    size, (count, height, width, _) = 5, x.shape
    offset = np.arange(size) - size // 2
    line = np.exp(-0.5 * (offset / (size / 4)) ** 2)

    def local_mean(x):
        mean = np.zeros((count, height, width, 1))
        for row in range(height):
            for column in range(width):
                total = weight = 0.0
                for i, a in zip(row + offset, line, strict=True):
                    for j, b in zip(column + offset, line, strict=True):
                        if 0 <= i < height and 0 <= j < width:
                            total, weight = total + a * b * x[:, i, j].mean(axis=-1), weight + a * b
                mean[:, row, column, 0] = total / weight
        return mean

    v = x - local_mean(x)
    sigma = np.sqrt(local_mean(v**2))
    expected = v / np.maximum(sigma, sigma.mean(axis=(1, 2), keepdims=True))
    np.testing.assert_allclose(LocalContrastNormalization(size)(x), expected, rtol=2e-4, atol=1e-5)


def test_local_contrast_does_not_see_brightness_or_strength(x):
    layer = LocalContrastNormalization(5)
    np.testing.assert_allclose(layer(x), layer(7 * x + 100), atol=1e-3)


def test_a_flat_picture_stays_finite():
    assert np.abs(LocalContrastNormalization(9)(np.full((1, 12, 12, 3), 5.0, "float32"))).max() < 0.1
