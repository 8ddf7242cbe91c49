"""Which part of a picture the network sees."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cnns.data.augment import crops
from keras_cnns.data.augment.settings import Augment

SIDE = st.integers(1, 600)
few = settings(max_examples=30, deadline=None)


def shape_of(height, width):
    return tf.constant([height, width])


def draws(count, seed=0):
    return np.random.default_rng(seed).random(count, dtype=np.float32)


@pytest.mark.parametrize(
    ("shape", "size", "fraction", "expected"),
    [
        ((256, 256), (224, 224), 224 / 256, (16, 16, 224, 224)),
        ((300, 500), (224, 224), 1.0, (0, 100, 300, 300)),
        ((500, 300), (200, 100), 1.0, (0, 25, 500, 250)),  # twice as high as wide
        ((8, 8), (32, 32), 1.0, (0, 0, 8, 8)),
        ((375, 500), (224, 224), 0.875, (23, 86, 328, 328)),
    ],
)
def test_the_centre(shape, size, fraction, expected):
    assert tuple(crops.centre(shape_of(*shape), size, fraction).numpy()) == expected


@few
@given(height=SIDE, width=SIDE, seed=st.integers(0, 99), how=st.sampled_from(["centre", "random", "random_resized"]))
def test_every_window_lies_in_the_picture(height, width, seed, how):
    settings = Augment(crop=how, scale=(1.1, 2.0))
    planned = crops.plan(draws(crops.NUMBERS, seed)[None], settings)[0]
    window = crops.window(shape_of(height, width), (32, 48), settings, planned)
    top, left, h, w = window.numpy()
    assert top >= 0 and left >= 0 and h >= 1 and w >= 1 and top + h <= height and left + w <= width


def test_random_is_the_crop_of_the_resized_picture():
    """Short side 256 to 480, crop 224: the window is 224 / 256 to 224 / 480 of the picture's short side."""
    scale = (256 / 224, 480 / 224)
    windows = np.array(
        [crops.random(shape_of(500, 400), (224, 224), draws(3, seed), scale).numpy() for seed in range(200)]
    )
    sides = windows[:, 2]
    assert (windows[:, 2] == windows[:, 3]).all()
    assert 400 * 224 / 480 <= sides.min() < 195 and 340 < sides.max() <= 400 * 224 / 256
    assert (windows[:, :2].min(0) < 10).all()
    assert ((windows[:, :2] + windows[:, 2:]).max(0) > [490, 390]).all()


def random_resized(shape, u, area, ratio):
    return crops.random_resized(shape_of(*shape), crops.attempts(u[None], area, ratio)[0], ratio).numpy()


def test_random_resized_has_the_areas_and_aspects_asked_for():
    windows = np.array(
        [random_resized((400, 600), draws(40, seed), (0.08, 1.0), (3 / 4, 4 / 3)) for seed in range(300)]
    )
    area, aspect = windows[:, 2] * windows[:, 3] / (400 * 600), windows[:, 3] / windows[:, 2]
    assert 0.079 < area.min() < 0.12 and 0.8 < area.max() <= 1
    assert 0.74 < aspect.min() < 0.79 and 1.25 < aspect.max() < 1.35
    assert abs(np.log(aspect).mean()) < 0.05  # as often wide as high


def test_random_resized_of_a_strip_falls_back_to_its_centre():
    window = random_resized((20, 600), draws(40), (0.9, 1.0), (3 / 4, 4 / 3))
    assert tuple(window) == (0, 286, 20, 27)  # 20 * 4 / 3 wide


def test_the_first_attempt_that_fits_is_taken():
    u = np.full((crops.ATTEMPTS, 4), 0.5, np.float32)
    u[0] = [1 - 1e-6, 1 - 1e-6, 0, 0]  # all of the area at 4:3 does not fit into a square
    u[1:, 0] = 0.0
    window = random_resized((100, 100), u.reshape(-1), (0.25, 1.0), (3 / 4, 4 / 3))
    assert tuple(window) == (25, 25, 50, 50)
