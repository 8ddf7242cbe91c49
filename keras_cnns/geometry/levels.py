"""Assigns each region to a level of a feature pyramid. Lin et al. 2016, 1612.03144, equation 1."""

from keras_cnns.geometry.boxes import area
from keras_cnns.support.lazy_imports import ops
from keras_cnns.support.types import Tensor


def level_of(boxes: Tensor, *, lowest: int = 2, highest: int = 5, canonical: int = 4, size: float = 224.0) -> Tensor:
    """The level n, 2**n times smaller than the picture, that each box [..., 4] is pooled from: int32 [...].

    Args:
      boxes: (x1, y1, x2, y2) in pixels.
      lowest, highest: range of the levels.
      canonical: the level of a box of size x size pixels. A box with half the side belongs to the level below.
      size: in pixels; 224 is the side of ImageNet's pictures.
    """
    side = ops.sqrt(ops.maximum(area(boxes), 1e-12))
    level = ops.floor(
        canonical + ops.log(side / size) / ops.log(2.0) + 1e-6
    )  # 1e-6: a side of exactly size * 2**n belongs to the upper level
    return ops.cast(ops.clip(level, lowest, highest), "int32")
