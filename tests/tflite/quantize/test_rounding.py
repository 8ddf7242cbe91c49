"""Rounding for what the layer answers: never worse than the nearest integers on the inputs it was learned from."""

import numpy as np
import pytest

from keras_cnns.tflite.quantize.rounding import compensated, learned


def problem(groups, outputs, inputs, seed=0):
    """Weights, correlated inputs, their covariance, and a scale for four bits."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (groups, 500, 4)) @ rng.normal(0, 1, (groups, 4, inputs))
    x = x + rng.normal(0, 0.2, (groups, 500, inputs))
    x -= x.mean(1, keepdims=True)
    weights = rng.normal(0, 1, (groups, outputs, inputs))
    return weights, x, x.transpose(0, 2, 1) @ x / 500, np.abs(weights).max(-1) / 7


def error(weights, x, integers, scale):
    return float(np.mean((x @ (weights - integers * scale[..., None]).transpose(0, 2, 1)) ** 2))


@pytest.mark.parametrize("shape", [(1, 20, 130), (12, 1, 9), (2, 8, 64)])
def test_the_answer_is_closer_than_with_the_nearest_integers(shape):
    weights, x, covariance, scale = problem(*shape)
    integers = learned(weights, covariance, scale, -7, 7)
    nearest = np.clip(np.rint(weights / scale[..., None]), -7, 7)
    assert integers.dtype == np.int8 and np.abs(integers).max() <= 7
    assert error(weights, x, integers, scale) < 0.5 * error(weights, x, nearest, scale)


def test_inputs_that_have_nothing_to_do_with_each_other_are_rounded_to_the_nearest():
    weights, _, _, scale = problem(1, 20, 70)
    integers = learned(weights, np.eye(70)[None], scale, -7, 7)
    np.testing.assert_array_equal(integers, np.rint(weights / scale[..., None]))


def test_inputs_and_kernels_that_are_dead():
    weights, x, _, scale = problem(3, 4, 9)
    weights[1] = 0
    scale[1] = 0
    x[2] = 0  # a channel that never changes
    x[0, :, 5] = 0  # one of its inputs
    integers = learned(weights, x.transpose(0, 2, 1) @ x / 500, scale, -7, 7)
    assert not integers[1].any()
    np.testing.assert_array_equal(integers[2], np.rint(weights[2] / scale[2][:, None]))
    assert np.abs(integers[0, :, 5] - weights[0, :, 5] / scale[0]).max() <= 1.0


def test_pruned_weights_stay_zero():
    weights, x, covariance, scale = problem(2, 8, 64)
    weights[np.abs(weights) < 1] = 0
    integers = learned(weights, covariance, scale, -7, 7)
    assert np.all(integers[weights == 0] == 0)
    assert np.all(compensated(weights, covariance, covariance / 10)[weights == 0] == 0)
