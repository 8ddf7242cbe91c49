"""Ranges of the inputs of a quantization-aware model: those that `quantize.ranges` gives the inputs of other models."""

from typing import Any

import numpy as np
from keras import ops

from keras_cnns.tflite.quantize.ranges import PICTURE_RANGES, SLACK, between_steps

NEAR = 1e-4  # of a range, by which a moving average may miss its ends


def customary(low: Any, high: Any) -> tuple[Any, Any]:
    """The range of pictures that (low, high) nearly fills, between its steps; else (low, high).

    low, high: numbers or scalar tensors, float32.

    >>> low, high = customary(-1.0, 0.99)  # -1 and 1.0079: no byte lies half-way between two integers
    """
    for least, most in PICTURE_RANGES:
        slack, near = SLACK * (most - least), NEAR * (most - least)
        begins = ops.logical_and(low >= least - near, low <= least + slack)
        ends = ops.logical_and(high >= most - slack, high <= most + near)
        wanted = between_steps(np.linspace(least, most, 256), least, most)
        fills = ops.logical_and(begins, ends)
        low, high = (ops.where(fills, new, old) for new, old in zip(wanted, (low, high), strict=True))
    return low, high
