"""Learned rounding: weights are rounded one input after the other, each to correct the errors of those before it.

This is GPTQ (Frantar et al. 2023, https://arxiv.org/abs/2210.17323), written as the nearest-plane algorithm to which it
is equal (Chen et al. 2025, https://arxiv.org/abs/2507.18553) and which needs no inverse. Like AdaRound, it looks for
the integers with which a layer's answers change least; these are often not the nearest integers.
"""

import numpy as np

BLOCK = 64  # inputs rounded before the others hear of it
DAMPING = 0.01  # of the mean variance of an input


def learned(
    weights: np.ndarray, covariance: np.ndarray, scale: np.ndarray, low: int, high: int, damping: float = DAMPING
) -> np.ndarray:
    """Integers with which the layer's answers change least; weights that are zero, as pruned ones are, stay zero.

    Args:
      weights: [groups, outputs, inputs] floats.
      covariance: [groups, inputs, inputs] of the layer's rounded inputs.
      scale: [groups, outputs], the step of each output's weights.
      low, high: the smallest and the largest integer.

    Returns:
      int8 [groups, outputs, inputs].
    """
    tiny = np.finfo(np.float32).tiny
    scale = np.maximum(np.asarray(scale, np.float64), tiny)
    spread = np.einsum("gii->gi", covariance).astype(np.float64)
    order = np.argsort(spread, axis=-1, kind="stable")  # the last is the first that is rounded, all others still free
    hessian = np.take_along_axis(np.take_along_axis(covariance, order[:, :, None], 1), order[:, None, :], 2)
    hessian, mean, count = hessian.astype(np.float64), spread.mean(-1, keepdims=True), spread.shape[-1]
    hessian[:, range(count), range(count)] += np.where(mean > 0, damping * mean, 1.0)
    factor = np.linalg.cholesky(hessian).transpose(0, 2, 1)
    own = np.einsum("gii->gi", factor)[:, :, None]
    wanted = np.take_along_axis(np.asarray(weights, np.float64).transpose(0, 2, 1), order[:, :, None], 1)
    integers, errors = np.zeros_like(wanted), np.zeros_like(wanted)
    for stop in range(count, 0, -BLOCK):
        start = max(0, stop - BLOCK)
        pulled = wanted[:, start:stop] + factor[:, start:stop, stop:] @ errors[:, stop:] / own[:, start:stop]
        for i in reversed(range(start, stop)):
            near = factor[:, i, None, i + 1 : stop] @ errors[:, i + 1 : stop]
            nearest = np.rint((pulled[:, i - start] + near[:, 0] / own[:, i]) / scale)
            integers[:, i] = np.where(wanted[:, i] == 0, 0, np.clip(nearest, low, high))
            errors[:, i] = wanted[:, i] - integers[:, i] * scale
    result = np.empty_like(integers)
    np.put_along_axis(result, order[:, :, None], integers, 1)
    return result.transpose(0, 2, 1).astype(np.int8)


def compensated(
    weights: np.ndarray, covariance: np.ndarray, missing: np.ndarray, damping: float = DAMPING
) -> np.ndarray:
    """Float weights that compute from rounded inputs what `weights` compute from unrounded ones, as nearly as possible.

    Weights that are zero stay zero. Li et al. 2025 (GPTAQ, https://arxiv.org/abs/2504.02692).

    Args:
      weights: [groups, outputs, inputs].
      covariance: [groups, inputs, inputs] of the rounded inputs.
      missing: [groups, inputs, inputs], covariance of the inputs' rounding errors (rows) with the rounded inputs
        (columns).
    """
    count = covariance.shape[-1]
    hessian = np.array(covariance, np.float64)
    mean = np.einsum("gii->g", hessian)[:, None] / count
    hessian[:, range(count), range(count)] += np.where(mean > 0, damping * mean, 1.0)
    change = np.linalg.solve(hessian, (weights @ missing).transpose(0, 2, 1)).transpose(0, 2, 1)
    return np.where(weights == 0, 0.0, weights + change)
