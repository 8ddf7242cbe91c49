"""Losses by name, one value an example, against Keras on random logits."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_cnns.tasks.base.losses import LOSSES, smooth_l1
from keras_cnns.tasks.classification.measures import probabilities

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 3, (6, 5)).astype("float32")
LABELS = RNG.integers(0, 5, 6)
THEIRS = {
    "cross_entropy": lambda t, q: keras.losses.categorical_crossentropy(t, q),
    "focal": lambda t, q: keras.losses.categorical_focal_crossentropy(t, q, alpha=1.0, gamma=2.0),
    "mse": lambda t, q: keras.losses.mean_squared_error(t, q),
}


@pytest.mark.parametrize("name", THEIRS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equals_keras_on_probabilities(name, smoothing):
    onehot = probabilities(tf.constant(LABELS), 5, smoothing)
    ours = LOSSES[name](onehot, tf.constant(LOGITS))
    np.testing.assert_allclose(ours, THEIRS[name](onehot, tf.nn.softmax(LOGITS)), rtol=2e-5)


@pytest.mark.parametrize("j", [0.5, 1.0, 4.0])
def test_distance_is_lecuns_equation_9(j):
    distances = RNG.uniform(0, 6, (6, 5)).astype("float32")
    want = [y[label] + np.log(np.exp(-j) + np.exp(-y).sum()) for y, label in zip(distances, LABELS, strict=True)]
    ours = LOSSES["distance"](probabilities(tf.constant(LABELS), 5), tf.constant(-distances), j)
    np.testing.assert_allclose(ours, want, rtol=1e-5)


def test_distance_still_pulls_at_the_right_class_where_all_are_far():
    far = tf.Variable([[-100.0, -180.0]])
    with tf.GradientTape(persistent=True) as tape:
        losses = {name: LOSSES[name](tf.constant([[1.0, 0.0]]), far) for name in ("distance", "cross_entropy")}
    np.testing.assert_allclose(tape.gradient(losses["distance"], far), [[-1.0, 0.0]], atol=1e-6)
    np.testing.assert_allclose(tape.gradient(losses["cross_entropy"], far), [[0.0, 0.0]], atol=1e-6)


def test_smoothing_spreads_over_all_classes():
    np.testing.assert_allclose(probabilities(tf.constant([2]), 4, 0.2), [[0.05, 0.05, 0.85, 0.05]], rtol=1e-6)


def test_mixed_labels_stay_mixed():
    mixed = [[0.3, 0.7, 0.0]]
    np.testing.assert_allclose(probabilities(tf.constant(mixed), 3), mixed)


def test_cross_entropy_of_a_sure_mistake_is_finite():
    assert LOSSES["cross_entropy"](probabilities(tf.constant([0]), 2), tf.constant([[-500.0, 500.0]])).numpy() == [
        1000.0
    ]


def test_smooth_l1_by_hand():
    result = smooth_l1(tf.constant([0.0, 0.5, -0.5, 1.0, -3.0]))
    np.testing.assert_allclose(result, [0, 0.125, 0.125, 0.5, 2.5])
    np.testing.assert_allclose(smooth_l1(tf.constant([0.1, -1.0]), beta=0.5), [0.01, 0.75])
