"""Colours, beside PIL's and NumPy's."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance

from keras_cnns.data.augment import colour

PICTURE = np.random.default_rng(0).integers(0, 256, (13, 17, 3)).astype(np.uint8)


@pytest.mark.parametrize("factor", [0.1, 0.6, 1.0, 1.4, 1.9])
@pytest.mark.parametrize(
    ("ours", "pil"),
    [
        (colour.brightness, ImageEnhance.Brightness),
        (colour.contrast, ImageEnhance.Contrast),
        (colour.saturation, ImageEnhance.Color),
    ],
)
def test_enhancements_are_pils(ours, pil, factor):
    expected = np.array(pil(Image.fromarray(PICTURE)).enhance(factor), float)
    result = colour.clip(ours(tf.constant(PICTURE, tf.float32), factor)).numpy()
    assert np.abs(result - expected).max() <= 2  # PIL cuts the digits behind the point, twice


@pytest.mark.parametrize("channels", [1, 3])
def test_jitter_is_the_three_one_after_the_other_in_every_order(channels):
    u, picture = np.array([0.9, 0.2, 0.7, 0.0], np.float32), tf.constant(PICTURE[..., :channels], tf.float32)
    factors = 1 + 0.4 * (2 * u[:3] - 1)
    np.testing.assert_allclose(factors, [1.32, 0.76, 1.16], rtol=1e-5)
    operations = (colour.brightness, colour.contrast, colour.saturation)
    for i, order in enumerate(itertools.permutations(range(3))):
        u[3] = (i + 0.5) / 6
        expected = picture
        for which in order:
            expected = operations[which](expected, factors[which])
        result = colour.jitter(picture, 0.4, tf.constant(u))
        np.testing.assert_allclose(result, colour.clip(expected), atol=1e-3)


@pytest.mark.parametrize("turn", [-0.5, -0.1, 0.0, 0.3])
def test_hue_turns_as_tensorflows_own(turn):
    noise = np.random.default_rng(0).integers(0, 256, (20, 20, 3)).astype(np.float32)
    noise[0, :4] = [[7, 7, 200], [0, 0, 0], [255, 255, 255], [9, 200, 200]]
    np.testing.assert_allclose(
        colour.hue(tf.constant(noise), turn), tf.image.adjust_hue(noise / 255, turn) * 255, atol=0.01
    )


def test_half_a_turn_of_the_hue_makes_red_cyan():
    red = tf.tile(tf.constant([[[200.0, 0.0, 0.0]]]), [2, 2, 1])
    np.testing.assert_allclose(colour.hue(red, 0.5)[0, 0], [0, 200, 200], atol=0.1)
    np.testing.assert_allclose(colour.hue(red, 0.0), red, atol=0.1)


def test_pca_noise_has_the_covariance_of_alexnets():
    u = np.random.default_rng(1).random((4000, 3)).astype(np.float32)
    black = tf.zeros([1, 1, 3])
    dataset = tf.data.Dataset.from_tensor_slices(u).map(lambda row: colour.pca_noise(black, 0.1, row)[0, 0])
    noise = np.stack(list(dataset.as_numpy_iterator())) / 255
    vectors, values = np.array(colour.PCA_VECTORS), np.array(colour.PCA_VALUES)
    expected = vectors @ np.diag((0.1 * values) ** 2) @ vectors.T
    np.testing.assert_allclose(np.cov(noise.T), expected, rtol=0.1, atol=2e-6)
    np.testing.assert_allclose(noise.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(3), atol=2e-3)  # the components are at right angles


def test_pca_noise_is_one_colour_for_the_whole_picture():
    change = colour.pca_noise(tf.constant(PICTURE, tf.float32), 0.1, tf.constant([0.9, 0.3, 0.6])) - PICTURE
    np.testing.assert_allclose(change, tf.broadcast_to(change[:1, :1], change.shape), atol=1e-3)
    assert np.abs(change).max() > 1


def test_grey_pictures_have_no_colours():
    grey = tf.constant(PICTURE[..., :1], tf.float32)
    for result in (colour.saturation(grey, 0.2), colour.hue(grey, 0.3), colour.pca_noise(grey, 0.1, [0.1, 0.2, 0.3])):
        np.testing.assert_array_equal(result, grey)
