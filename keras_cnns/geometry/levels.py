"""Which level of a feature pyramid a region is pooled from. Lin et al. 2016, 1612.03144, equation 1."""

from keras_cnns.geometry.boxes import area
from keras_cnns.support.lazy_imports import ops
from keras_cnns.support.types import Tensor


def level_of(boxes: Tensor, *, lowest: int = 2, highest: int = 5, canonical: int = 4, size: float = 224.0) -> Tensor:
    """int32 [..]: the level n, 2**n smaller than the picture, that each box [.., 4] is pooled from.

    A box of size x size pixels, ImageNet's pictures, comes from level `canonical`, one of half the side from the level
    below it; no box from outside `lowest` .. `highest`.
    """
    side = ops.sqrt(ops.maximum(area(boxes), 1e-12))
    level = ops.floor(canonical + ops.log(side / size) / ops.log(2.0) + 1e-6)  # a side of exactly 2**n belongs up
    return ops.cast(ops.clip(level, lowest, highest), "int32")
