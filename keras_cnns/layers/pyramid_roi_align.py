"""RoI align on a feature pyramid: the size of a box chooses its level. Lin et al. 2016, 1612.03144, equation 1."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_cnns.geometry.levels import level_of
from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable(package="keras_cnns")
class PyramidRoIAlign(keras.layers.Layer):
    """Pools each box to size x size from the level of a feature pyramid that suits its size.

    A point is looked up only in the level of its box, so the cost does not depend on the sizes of the levels.

    Inputs:
      levels: a list of feature maps [batch, h, w, channels], each half the size of the one before.
      boxes: [batch, regions, 4], (x1, y1, x2, y2) in pixels.

    Returns:
      [batch, regions, size, size, channels]

    Args:
      size: windows along each side of the output.
      lowest: n of the first level, which is 2**n times smaller than the picture.
      samples, aligned: see `RoIAlign`.

    Example:
      x = PyramidRoIAlign(7)([p2, p3, p4, p5], boxes)  # [1, 1000, 7, 7, 256]
    """

    def __init__(self, size: int, lowest: int = 2, samples: int = 2, aligned: bool = True, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)  # boxes stay float32
        self.size, self.lowest, self.samples, self.aligned = size, lowest, samples, aligned

    def call(self, levels: Sequence[Tensor], boxes: Tensor) -> Tensor:
        boxes = ops.cast(boxes, "float32")
        batch, regions = ops.shape(boxes)[:2]
        which = level_of(boxes, lowest=self.lowest, highest=self.lowest + len(levels) - 1) - self.lowest  # [B, R]
        sizes = [ops.shape(level)[1:3] for level in levels]
        heights, widths = (ops.convert_to_tensor([n[axis] for n in sizes], "int32") for axis in (0, 1))
        lengths = heights * widths
        start = ops.take(ops.cumsum(lengths) - lengths, which, axis=0)
        height, width = ops.take(heights, which, axis=0), ops.take(widths, which, axis=0)
        stride = 2.0**self.lowest * ops.power(2.0, ops.cast(which, "float32"))
        corners = boxes / stride[..., None] - (0.5 if self.aligned else 0.0)
        rows = self._between(corners[..., 1], corners[..., 3], height)
        columns = self._between(corners[..., 0], corners[..., 2], width)
        channels = levels[0].shape[-1]
        flat = ops.concatenate([ops.reshape(level, (batch, -1, channels)) for level in levels], axis=1)
        total = ops.shape(flat)[1]
        flat = ops.reshape(flat, (-1, channels))
        start = start + ops.arange(batch, dtype="int32")[:, None] * total
        pooled = 0.0
        for row, row_weight in rows:
            for column, column_weight in columns:
                position = start[..., None, None] + row[..., :, None] * width[..., None, None] + column[..., None, :]
                weight = ops.cast(row_weight[..., :, None] * column_weight[..., None, :], flat.dtype)
                pooled = pooled + weight[..., None] * ops.take(flat, position, axis=0)
        points = self.size * self.samples
        pooled = ops.reshape(pooled, (-1, points, points, channels))
        pooled = ops.average_pool(pooled, self.samples, data_format="channels_last")
        return ops.reshape(pooled, (batch, regions, self.size, self.size, channels))

    def _between(self, first: Tensor, last: Tensor, length: Tensor) -> tuple:
        """Along one axis: ((positions, weights) before each sampled point, (positions, weights) after it).

        Positions are int32 [batch, regions, points] and weights float32 of the same shape.
        """
        extent = last - first if self.aligned else ops.maximum(last - first, 1.0)
        number = (ops.arange(self.size * self.samples, dtype="float32") + 0.5) / self.samples
        point = first[..., None] + number * extent[..., None] / self.size
        limit = ops.cast(length, "float32")[..., None]
        inside = ops.cast(ops.logical_and(point >= -1.0, point <= limit), "float32")
        point = ops.maximum(ops.minimum(point, limit - 1.0), 0.0)  # also turns NaN into a valid position
        before = ops.cast(ops.floor(point), "int32")
        after = ops.minimum(before + 1, length[..., None] - 1)
        fraction = point - ops.floor(point)
        return (before, inside * (1.0 - fraction)), (after, inside * fraction)

    def compute_output_shape(self, levels_shape: list[tuple], boxes_shape: tuple) -> tuple:
        return (*boxes_shape[:2], self.size, self.size, levels_shape[0][-1])

    def get_config(self) -> dict:
        arguments = {"size": self.size, "lowest": self.lowest, "samples": self.samples, "aligned": self.aligned}
        return super().get_config() | arguments
