"""Synthetic pictures of `check`: the same in each run, with flat areas, and with details that show a shift."""

import numpy as np
import pytest

from keras_cnns.tflite.check.synthetic_pictures import COUNT, synthetic_pictures

FLAT, EDGES, TEXTURE, NATURAL = range(4)  # the kinds, in the order of the pictures
SHAPE = (96, 96, 3)


@pytest.fixture(scope="module")
def pictures():
    return synthetic_pictures(SHAPE)


def difference(picture, other):
    """Mean difference, relative to the picture's standard deviation."""
    return np.abs(picture - other).mean() / picture.std()


def shifted(picture):
    return np.roll(picture, 1, axis=1)


def test_they_are_bytes_and_the_same_in_each_run(pictures):
    assert pictures.shape == (COUNT, *SHAPE)
    np.testing.assert_array_equal(pictures, pictures.astype(np.uint8))
    np.testing.assert_array_equal(pictures, synthetic_pictures(SHAPE))
    assert (pictures != synthetic_pictures(SHAPE, seed=1)).any()


def test_details_show_a_shift_by_one_pixel_and_flat_patches_hide_it(pictures):
    shown = [difference(picture, shifted(picture)) for picture in pictures[:4]]
    assert shown[FLAT] < 0.1 < shown[EDGES] < min(shown[NATURAL], shown[TEXTURE])


def test_every_second_pixel_of_flat_patches_is_the_same_from_either_side(pictures):
    """Halved by taking the first or the second of each two pixels: only the details differ."""
    first, second = pictures[:, ::2, ::2], pictures[:, 1::2, 1::2]
    assert difference(first[FLAT], second[FLAT]) == 0
    assert all(difference(first[kind], second[kind]) > 0.1 for kind in (EDGES, TEXTURE, NATURAL))


def test_the_natural_spectrum_falls_with_the_frequency(pictures):
    grey = pictures[NATURAL].mean(-1)
    power = np.abs(np.fft.rfft2(grey - grey.mean())) ** 2
    frequency = np.hypot(np.fft.fftfreq(96)[:, None], np.fft.rfftfreq(96)[None])
    inside = (frequency > 0.02) & (frequency < 0.4)
    slope = np.polyfit(np.log(frequency[inside]), np.log(power[inside]), 1)[0]
    assert -2.6 < slope < -1.4  # amplitudes of 1 / frequency: power of 1 / frequency squared


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 7, 3), (2, 300, 4), (16,), (4, 8)])
def test_any_shape(shape):
    pictures = synthetic_pictures(shape)
    assert pictures.shape == (COUNT, *shape) and np.isfinite(pictures).all()
    assert pictures.min() >= 0 and pictures.max() <= 255
