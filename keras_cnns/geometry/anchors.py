"""Anchors: the boxes that a region proposal network starts from. Ren et al. 2015, 1506.01497, section 3.1.1."""

from collections.abc import Sequence

import numpy as np

from keras_cnns.support.lazy_imports import ops
from keras_cnns.support.types import Tensor


def shapes(scales: Sequence[float], ratios: Sequence[float]) -> np.ndarray:
    """float32 [k, 2]: width and height of the anchors of one position, the scales of the first ratio first.

    scales: square roots of their areas, in pixels. ratios: height / width.
    """
    roots = np.sqrt(np.asarray(ratios, "float64")[:, None])
    sides = np.asarray(scales, "float64")[None, :]
    return np.stack([(sides / roots).ravel(), (sides * roots).ravel()], 1).astype("float32")


def anchors(
    height: int | Tensor,
    width: int | Tensor,
    stride: float | Sequence[float],
    scales: Sequence[float],
    ratios: Sequence[float],
    *,
    offset: float = 0.5,
    rounded: bool = False,
) -> Tensor:
    """[height * width * k, 4]: the anchors of a level, position by position, row by row.

    height, width: of the level (numbers or scalar tensors). stride: pixels from one position to the next, or two
    numbers, down and across. offset: where in its position's stride a group of anchors is centred; 0.5: in the middle.
    rounded: corners are whole pixels away from there, halves to the even one, as torchvision has them.
    """
    sizes = shapes(scales, ratios)
    corners = np.concatenate([-sizes, sizes], 1) / 2  # [k, 4]
    corners = ops.convert_to_tensor(np.round(corners) if rounded else corners, "float32")
    down, across = (ops.cast(n, "float32") for n in (stride if isinstance(stride, list | tuple) else (stride, stride)))
    x = (ops.cast(ops.arange(width), "float32") + offset) * across
    y = (ops.cast(ops.arange(height), "float32") + offset) * down
    x, y = ops.meshgrid(x, y)
    centres = ops.reshape(ops.stack([x, y, x, y], axis=-1), (-1, 1, 4))
    return ops.reshape(centres + corners, (-1, 4))
