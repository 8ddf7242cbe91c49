"""Anchors: the boxes that a region proposal network starts from. Ren et al. 2015, 1506.01497, section 3.1.1."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_cnns.support.lazy_imports import ops
from keras_cnns.support.types import Tensor


def shapes(scales: Sequence[float], ratios: Sequence[float]) -> np.ndarray:
    """Width and height in pixels of the k anchors of one position, float32 [k, 2], all scales of the first ratio first.

    Args:
      scales: square roots of the anchors' areas, in pixels.
      ratios: height / width.

    Example:
      shapes((128, 256, 512), (0.5, 1, 2))  # [9, 2]
    """
    roots = np.sqrt(np.asarray(ratios, "float64"))[:, None]
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
    """The anchors of a feature map, float32 [height * width * k, 4], position by position, row by row.

    Args:
      height, width: of the feature map, in positions (numbers or scalar tensors).
      stride: pixels between neighbouring positions, or (vertical, horizontal).
      scales, ratios: see `shapes`.
      offset: where the anchors of a position are centred, as a fraction of the stride; 0.5 is the middle.
      rounded: whether corners are rounded to whole pixels relative to the centre, as in torchvision.

    Returns:
      boxes (x1, y1, x2, y2) in pixels; they may reach over the border of the picture.

    Example:
      anchors(38, 50, 16, (128, 256, 512), (0.5, 1, 2))  # [17100, 4]
    """
    sizes = shapes(scales, ratios)
    corners = np.concatenate([-sizes, sizes], 1) / 2  # [k, 4]
    corners = ops.convert_to_tensor(np.round(corners) if rounded else corners, "float32")
    both = stride if isinstance(stride, list | tuple) else (stride, stride)
    return centred(height, width, both, corners, offset)


def pyramid_anchors(
    levels: Sequence[Tensor],
    stride: int,
    scales: Sequence[Sequence[float]],
    ratios: Sequence[float],
    *,
    offset: float = 0.5,
    rounded: bool = False,
) -> list[Tensor]:
    """The anchors of each level of a feature pyramid, float32 [h * w * k, 4].

    Args:
      levels: feature maps [batch, h, w, ...], the finest first; only their sizes are read.
      stride: pixels between neighbouring positions of the first level. Other strides follow from the levels' sizes, in
        whole pixels.
      scales: for each level, the square roots of its anchors' areas in pixels.
      ratios, offset, rounded: see `anchors`.

    Example:
      pyramid_anchors(levels, 8, ((32, 40, 51), (64, 81, 102)), (0.5, 1, 2))  # two levels, 9 anchors a position
    """
    picture = [n * stride for n in ops.shape(levels[0])[1:3]]
    boxes = []
    for level, own in zip(levels, scales, strict=True):
        height, width = ops.shape(level)[1:3]
        strides = (picture[0] // height, picture[1] // width)
        boxes.append(anchors(height, width, strides, own, ratios, offset=offset, rounded=rounded))
    return boxes


def centred(
    height: int | Tensor, width: int | Tensor, stride: Sequence[Any], corners: Tensor, offset: float = 0.5
) -> Tensor:
    """The boxes of every position of a feature map, float32 [height * width * k, 4].

    Args:
      height, width, offset: as for `anchors`.
      stride: (vertical, horizontal) pixels between neighbouring positions.
      corners: the boxes of one position relative to its centre, float32 [k, 4].
    """
    down, across = (ops.cast(n, "float32") for n in stride)
    x = (ops.cast(ops.arange(width), "float32") + offset) * across
    y = (ops.cast(ops.arange(height), "float32") + offset) * down
    x, y = ops.meshgrid(x, y)
    centres = ops.reshape(ops.stack([x, y, x, y], axis=-1), (-1, 1, 4))
    return ops.reshape(centres + corners, (-1, 4))
