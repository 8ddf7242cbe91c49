"""MixUp and CutMix."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from keras_cnns.data.augment.mix import beta, mix, mixture
from keras_cnns.data.augment.random import Random, uniform
from keras_cnns.data.augment.settings import Augment

IMAGES = np.random.default_rng(0).uniform(0, 255, (5, 6, 8, 3)).astype(np.float32)
LABELS = np.array([3, 0, 2, 2, 1])


def mixed(mixtures):
    images, labels = mix(tf.constant(IMAGES), tf.constant(LABELS), tf.constant(mixtures, tf.float32), 4)
    return images.numpy(), labels.numpy()


def test_mixup_blends_neighbours_and_their_labels():
    images, labels = mixed([[0.7, 0, 0, 0, 0], [0.6, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0.5, 0, 0, 0, 0]])
    np.testing.assert_allclose(images[0], 0.7 * IMAGES[0] + 0.3 * IMAGES[1], rtol=1e-5)
    np.testing.assert_allclose(images[1], 0.6 * IMAGES[1] + 0.4 * IMAGES[0], rtol=1e-5)
    np.testing.assert_allclose(images[3], IMAGES[2], rtol=1e-5)
    np.testing.assert_allclose(images[4], IMAGES[4], rtol=1e-5)  # the last of an odd batch
    expected = [[0.3, 0, 0, 0.7], [0.6, 0, 0, 0.4], [0, 0, 1, 0], [0, 0, 1, 0], [0, 1, 0, 0]]
    np.testing.assert_allclose(labels, expected, atol=1e-6)


def test_cutmix_shows_the_neighbour_in_a_rectangle_and_counts_labels_by_area():
    images, labels = mixed([[1, 1, 2, 4, 6]] + 4 * [[1, 0, 0, 0, 0]])
    expected = IMAGES[0].copy()
    expected[1:4, 2:6] = IMAGES[1, 1:4, 2:6]
    np.testing.assert_allclose(images[0], expected, rtol=1e-5)
    np.testing.assert_allclose(labels[0], [12 / 48, 0, 0, 36 / 48], atol=1e-6)
    np.testing.assert_allclose(images[1:], IMAGES[1:], rtol=1e-5)


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_shares_follow_the_beta_distribution(alpha):
    dataset = tf.data.Dataset.range(1000).map(lambda i: beta(alpha, tf.stack([7, i])))
    drawn = np.array(list(dataset.as_numpy_iterator()))
    assert stats.kstest(drawn, stats.beta(alpha, alpha).cdf).pvalue > 0.01


def draw(how, count=300):
    dataset = tf.data.Dataset.range(count).map(lambda i: mixture(how, (20, 30), Random(uniform(1, i, 1)[0])))
    return np.stack(list(dataset.as_numpy_iterator()))


def test_mixtures_of_mixup_have_no_rectangle_and_those_of_cutmix_keep_the_rest():
    only_mixup, only_cutmix = draw(Augment(mixup=0.4)), draw(Augment(cutmix=1.0))
    assert (only_mixup[:, 1:] == 0).all() and ((only_mixup[:, 0] >= 0) & (only_mixup[:, 0] <= 1)).all()
    assert (only_cutmix[:, 0] == 1).all()
    top, left, bottom, right = only_cutmix[:, 1:].T
    assert (top >= 0).all() and (top <= bottom).all() and (bottom <= 20).all()
    assert (left >= 0).all() and (left <= right).all() and (right <= 30).all()


def test_with_both_half_of_the_pictures_get_each():
    both = draw(Augment(mixup=0.4, cutmix=1.0))
    assert 0.4 < (both[:, 0] == 1).mean() < 0.6
