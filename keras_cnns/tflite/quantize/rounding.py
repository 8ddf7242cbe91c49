"""Weights rounded one input after the other, each to the integer that makes good the errors of those before it.

What GPTQ does (Frantar et al. 2023, https://arxiv.org/abs/2210.17323), written as the nearest-plane algorithm that it
equals (Chen et al. 2025, https://arxiv.org/abs/2507.18553), which needs no inverse: a greedy solution of what AdaRound
learns by gradients, the integers with which a layer answers as it did in floats. They are seldom each the nearest.
"""

import numpy as np

BLOCK = 64  # inputs rounded before the others hear of it
DAMPING = 0.01  # of the mean variance of an input


def learned(
    weights: np.ndarray, covariance: np.ndarray, scale: np.ndarray, low: int, high: int, damping: float = DAMPING
) -> np.ndarray:
    """Integers for which `integers * scale - weights` hardly shows in what the layer answers.

    Args:
      weights: [groups, outputs, inputs] floats.
      covariance: [groups, inputs, inputs] of the layer's rounded inputs.
      scale: [groups, outputs] the step of each output's weights.
      low, high: the least and the greatest integer.

    Returns:
      [groups, outputs, inputs] of int8.
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
            integers[:, i] = np.clip(np.rint((pulled[:, i - start] + near[:, 0] / own[:, i]) / scale), low, high)
            errors[:, i] = wanted[:, i] - integers[:, i] * scale
    result = np.empty_like(integers)
    np.put_along_axis(result, order[:, :, None], integers, 1)
    return result.transpose(0, 2, 1).astype(np.int8)


def compensated(
    weights: np.ndarray, covariance: np.ndarray, missing: np.ndarray, damping: float = DAMPING
) -> np.ndarray:
    """The floats that answer from rounded inputs most like `weights` from the inputs before rounding.

    Li et al. 2025 (GPTAQ, https://arxiv.org/abs/2504.02692).

    Args:
      weights: [groups, outputs, inputs].
      covariance: [groups, inputs, inputs] of the rounded inputs.
      missing: [groups, inputs, inputs], of what the inputs lack (rows) with the rounded ones (columns).
    """
    count = covariance.shape[-1]
    hessian = np.array(covariance, np.float64)
    mean = np.einsum("gii->g", hessian)[:, None] / count
    hessian[:, range(count), range(count)] += np.where(mean > 0, damping * mean, 1.0)
    return weights + np.linalg.solve(hessian, (weights @ missing).transpose(0, 2, 1)).transpose(0, 2, 1)
