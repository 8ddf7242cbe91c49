"""RoI align. He et al. 2017, "Mask R-CNN", 1703.06870, section 3."""

from typing import Any

import keras
from keras import ops

from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable(package="keras_cnns")
class RoIAlign(keras.layers.Layer):
    """Pools each box of a feature map to size x size by bilinear interpolation, without rounding.

    A box is divided into size x size windows. The value of a window is the mean of samples x samples points,
    interpolated between the positions of the feature map. Interpolation is separable, so the layer is two matrix
    products, one along the rows and one along the columns.

    Inputs:
      level: feature map [batch, h, w, channels].
      boxes: [batch, regions, 4], (x1, y1, x2, y2) in pixels.

    Returns:
      [batch, regions, size, size, channels]

    Args:
      size: windows along each side of the output.
      stride: pixels between neighbouring positions of the feature map.
      samples: points along each side of a window.
      aligned: a position stands for the centre of its pixels. False: for their corner, and a box is at least one
        position wide, as in torchvision's detectors.

    Example:
      x = RoIAlign(7, stride=16)(level, boxes)  # [1, 38, 50, 512], [1, 300, 4] -> [1, 300, 7, 7, 512]
    """

    def __init__(self, size: int, stride: int, samples: int = 2, aligned: bool = True, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)  # boxes stay float32
        self.size, self.stride, self.samples, self.aligned = size, stride, samples, aligned

    def call(self, level: Tensor, boxes: Tensor) -> Tensor:
        height, width = ops.shape(level)[1:3]
        corners = ops.cast(boxes, "float32") / self.stride - (0.5 if self.aligned else 0.0)
        rows = ops.cast(self._weights(corners[..., 1], corners[..., 3], height), level.dtype)
        columns = ops.cast(self._weights(corners[..., 0], corners[..., 2], width), level.dtype)
        return ops.einsum("brjw,briwc->brijc", columns, ops.einsum("brih,bhwc->briwc", rows, level))

    def _weights(self, first: Tensor, last: Tensor, length: int | Tensor) -> Tensor:
        """[batch, regions, size, length]: the weight of each position in the mean of a window, along one axis."""
        extent = last - first if self.aligned else ops.maximum(last - first, 1.0)
        number = (ops.arange(self.size * self.samples, dtype="float32") + 0.5) / self.samples
        point = first[..., None] + number * extent[..., None] / self.size  # [batch, regions, size * samples]
        limit = ops.cast(length, "float32")
        inside = ops.logical_and(point >= -1.0, point <= limit)
        point = ops.clip(point, 0.0, limit - 1.0)
        weights = ops.relu(1.0 - ops.abs(point[..., None] - ops.arange(length, dtype="float32")))
        weights = ops.where(inside[..., None], weights, ops.zeros_like(weights))
        regions = ops.shape(first)[1]
        return ops.mean(ops.reshape(weights, (-1, regions, self.size, self.samples, length)), axis=3)

    def compute_output_shape(self, level_shape: tuple, boxes_shape: tuple) -> tuple:
        return (*boxes_shape[:2], self.size, self.size, level_shape[-1])

    def get_config(self) -> dict:
        arguments = {"size": self.size, "stride": self.stride, "samples": self.samples, "aligned": self.aligned}
        return super().get_config() | arguments
