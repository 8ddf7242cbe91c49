"""RoI max pooling. Girshick 2015, "Fast R-CNN", 1504.08083, section 2.1."""

from typing import Any

import keras
from keras import ops

from keras_cnns.support.types import Tensor

LONGEST = 127  # longest side, in positions, of a feature map whose size is only known at run time


@keras.saving.register_keras_serializable(package="keras_cnns")
class RoIMaxPooling(keras.layers.Layer):
    """Pools each box of a feature map to size x size by the maximum over each window.

    The corners of a box are rounded to positions of the feature map and belong to the box. The box is divided into
    size x size windows, whose borders are rounded outwards. A window with no position inside the feature map gives 0.

    The maxima over all windows of 1, 2, 4 ... positions are computed once for the feature map, and a window of any
    other length is covered by two of them. The cost does not depend on the size of the boxes, and hardly on their
    number.

    Inputs:
      level: feature map [batch, h, w, channels].
      boxes: [batch, regions, 4], (x1, y1, x2, y2) in pixels.

    Returns:
      [batch, regions, size, size, channels]

    Args:
      size: windows along each side of the output.
      stride: pixels between neighbouring positions of the feature map.

    Example:
      x = RoIMaxPooling(7, stride=16)(level, boxes)  # [1, 38, 50, 512], [1, 300, 4] -> [1, 300, 7, 7, 512]
    """

    def __init__(self, size: int, stride: int, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)  # boxes stay float32
        self.size, self.stride = size, stride

    def call(self, level: Tensor, boxes: Tensor) -> Tensor:
        height, width = ops.shape(level)[1:3]
        # half a position rounds up, as in the paper's code; `ops.round` would round it to the even position
        corners = ops.cast(ops.floor(ops.cast(boxes, "float32") / self.stride + 0.5), "int32")
        top, down, rows = self._cover(corners[..., 1], corners[..., 3], height)
        left, right, columns = self._cover(corners[..., 0], corners[..., 2], width)
        doublings = max(_doublings(height), _doublings(width))
        maxima = _running_maxima(level, doublings)  # [batch, doublings, doublings, h, w, channels]
        batch, regions = ops.shape(boxes)[:2]
        channels = level.shape[-1]
        which = ops.arange(batch)[:, None, None] * doublings + rows[0]
        which = which[..., None] * doublings + columns[0][..., None, :]  # [batch, regions, size, size]
        pooled = None
        for row in (top, down):
            for column in (left, right):
                position = (which * height + row[..., None]) * width + column[..., None, :]
                values = ops.take(ops.reshape(maxima, (-1, channels)), ops.reshape(position, (-1,)), axis=0)
                pooled = values if pooled is None else ops.maximum(pooled, values)
        pooled = ops.reshape(pooled, (batch, regions, self.size, self.size, channels))
        covered = ops.logical_and(rows[1][..., None], columns[1][..., None, :])
        return ops.where(covered[..., None], pooled, ops.zeros_like(pooled))

    def _cover(self, first: Tensor, last: Tensor, length: int | Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """Along one axis, the two runs of 2**power positions that together cover each window.

        Returns:
          (start of the first run, start of the second run, (power, whether the window has any position)), each
          [batch, regions, size].
        """
        extent = ops.maximum(last - first + 1, 1)[..., None]
        number = ops.arange(self.size)
        start = ops.clip(first[..., None] + number * extent // self.size, 0, length)
        end = ops.clip(first[..., None] + ((number + 1) * extent + self.size - 1) // self.size, 0, length)
        has_positions = end > start
        start = ops.where(has_positions, start, ops.zeros_like(start))
        end = ops.where(has_positions, end, ops.ones_like(end))
        power, run = ops.zeros_like(start), ops.ones_like(start)
        for n in range(1, _doublings(length)):
            longer = ops.cast(end - start >= 2**n, "int32")
            power, run = power + longer, run + longer * 2 ** (n - 1)
        return start, end - run, (power, has_positions)

    def compute_output_shape(self, level_shape: tuple, boxes_shape: tuple) -> tuple:
        return (*boxes_shape[:2], self.size, self.size, level_shape[-1])

    def get_config(self) -> dict:
        return super().get_config() | {"size": self.size, "stride": self.stride}


def _doublings(length: int | Tensor) -> int:
    """How many powers of 2, starting at 1, are at most the length of the feature map, the longest window."""
    return (length if isinstance(length, int) else LONGEST).bit_length()


def _running_maxima(level: Tensor, doublings: int) -> Tensor:
    """[batch, doublings, doublings, h, w, channels]: maxima over the 2**i rows and 2**j columns from each position."""
    rows = _doubled(level, 1, doublings)
    return ops.stack([ops.stack(_doubled(row, 2, doublings), 1) for row in rows], 1)


def _doubled(x: Tensor, axis: int, doublings: int) -> list[Tensor]:
    """For each i below `doublings`, the maxima over the 2**i positions from each position, along one axis."""
    length, runs = ops.shape(x)[axis], [x]
    for n in range(doublings - 1):
        next_run = ops.minimum(ops.arange(length) + 2**n, length - 1)
        runs.append(ops.maximum(runs[-1], ops.take(runs[-1], next_run, axis=axis)))
    return runs
