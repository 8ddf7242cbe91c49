"""Optimizers against the papers' formulas, on one variable at a time."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_cnns.support.errors import UserError
from keras_cnns.training import Recipe
from keras_cnns.training.optimizers import Optimizer, RMSpropTF, decays

RNG = np.random.default_rng(2)
GRADIENTS = [RNG.normal(0, 1, (3, 4)).astype("float32") for _ in range(5)]
BASE = Recipe(model="lenet5", learning_rate=0.1)


def variables():
    kernel = keras.Variable(RNG.normal(0, 1, (3, 4)).astype("float32"), name="kernel")
    bias = keras.Variable(np.ones(4, "float32"), name="bias")
    return [kernel, bias]


def one_step(recipe, gradients, rate=0.1):
    """The weights before and after one step."""
    v = variables()
    before = [x.numpy().copy() for x in v]
    optimizer = Optimizer(recipe, v)
    optimizer.set_rate(rate)
    optimizer.apply([tf.constant(g) for g in gradients])
    return before, [x.numpy() for x in v]


def test_rmsprop_has_epsilon_under_the_root_and_starts_at_one():
    v = keras.Variable(np.zeros((3, 4), "float32"))
    optimizer = RMSpropTF(0.01, rho=0.9, momentum=0.9, epsilon=0.5)
    w, mean, moment = np.zeros((3, 4)), np.ones((3, 4)), np.zeros((3, 4))
    for g in GRADIENTS:
        optimizer.apply([tf.constant(g)], [v])
        mean = 0.9 * mean + 0.1 * g**2
        moment = 0.9 * moment + 0.01 * g / np.sqrt(mean + 0.5)
        w -= moment
    np.testing.assert_allclose(v.numpy(), w, rtol=2e-5)


def test_weight_decay_is_l2_in_the_gradient_and_leaves_out_the_bias():
    zero = [np.zeros((3, 4), "float32"), np.zeros(4, "float32")]
    before, after = one_step(BASE.but(weight_decay=0.5), zero)
    np.testing.assert_allclose(after[0], before[0] * (1 - 0.1 * 0.5), rtol=1e-6)
    np.testing.assert_array_equal(after[1], before[1])


def test_weight_decay_takes_the_bias_too_when_asked():
    zero = [np.zeros((3, 4), "float32"), np.zeros(4, "float32")]
    before, after = one_step(BASE.but(weight_decay=0.5, decay_norms_and_biases=True), zero)
    np.testing.assert_allclose(after[1], before[1] * 0.95, rtol=1e-6)


def test_adamw_decays_independently_of_the_gradient_and_leaves_out_the_bias():
    zero = [np.zeros((3, 4), "float32"), np.zeros(4, "float32")]
    before, after = one_step(BASE.but(optimizer="adamw", weight_decay=0.5), zero)
    np.testing.assert_allclose(after[0], before[0] * 0.95, rtol=1e-6)
    np.testing.assert_array_equal(after[1], before[1])


def test_the_norm_of_the_whole_gradient_is_clipped():
    gradients = [GRADIENTS[0], np.full(4, 3.0, "float32")]
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    before, after = one_step(BASE.but(clip_norm=0.5), gradients)
    for b, a, g in zip(before, after, gradients, strict=True):
        np.testing.assert_allclose(b - a, 0.1 * g * 0.5 / norm, rtol=1e-4, atol=1e-7)


def test_a_small_gradient_is_not_clipped():
    gradients = [GRADIENTS[0], np.ones(4, "float32")]
    before, after = one_step(BASE.but(clip_norm=100.0), gradients)
    np.testing.assert_allclose(before[1] - after[1], 0.1, rtol=1e-5)


def test_layers_learn_at_their_own_rates():
    gradients = [np.ones((3, 4), "float32"), np.ones(4, "float32")]
    v = variables()
    before = [x.numpy().copy() for x in v]
    optimizer = Optimizer(BASE.but(layer_rates={"ker": 0.5, "kernel": 0.1}), v)
    optimizer.set_rate(0.2)
    by_name = {"kernel": gradients[0], "bias": gradients[1]}
    optimizer.apply([tf.constant(by_name[x.name]) for x in optimizer.order])
    np.testing.assert_allclose(before[0] - v[0].numpy(), 0.02, rtol=1e-4)  # the longest name that fits
    np.testing.assert_allclose(before[1] - v[1].numpy(), 0.2, rtol=1e-5)


def test_a_layer_that_is_not_there_is_named():
    with pytest.raises(UserError, match="conv9"):
        Optimizer(BASE.but(layer_rates={"conv9": 0.1}), variables())


def test_decay_is_for_kernels():
    kernel, bias = variables()
    assert decays(kernel) and not decays(bias) and decays(bias, everything=True)
