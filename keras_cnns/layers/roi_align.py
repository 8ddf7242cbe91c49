"""RoI align. He et al. 2017, "Mask R-CNN", 1703.06870, section 3."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_cnns")
class RoIAlign(keras.layers.Layer):
    """(level [B, h, w, C], boxes [B, R, 4] in pixels) -> [B, R, size, size, C].

    A box is divided into size x size windows, each the mean of samples x samples points interpolated between the
    positions of the level; nothing is rounded. Interpolation is separable, so all of it is two matrix products: one
    along the rows and one along the columns.

    stride: pixels from one position of the level to the next. aligned: a position stands for the middle of its pixels;
      False: for their corner, and a box is at least one position wide, as torchvision's detectors compute.
    """

    def __init__(self, size, stride, samples=2, aligned=True, **kwargs):
        super().__init__(autocast=False, **kwargs)  # boxes stay float32
        self.size, self.stride, self.samples, self.aligned = size, stride, samples, aligned

    def call(self, level, boxes):
        height, width = ops.shape(level)[1:3]
        corners = ops.cast(boxes, "float32") / self.stride - (0.5 if self.aligned else 0.0)
        rows = ops.cast(self._shares(corners[..., 1], corners[..., 3], height), level.dtype)
        columns = ops.cast(self._shares(corners[..., 0], corners[..., 2], width), level.dtype)
        return ops.einsum("brjw,briwc->brijc", columns, ops.einsum("brih,bhwc->briwc", rows, level))

    def _shares(self, first, last, length):
        """[B, R, size, length]: what each position adds to a window's mean, along one axis."""
        extent = last - first if self.aligned else ops.maximum(last - first, 1.0)
        number = (ops.arange(self.size * self.samples, dtype="float32") + 0.5) / self.samples
        point = first[..., None] + number * extent[..., None] / self.size  # [B, R, size * samples]
        limit = ops.cast(length, "float32")
        inside = ops.logical_and(point >= -1.0, point <= limit)
        point = ops.clip(point, 0.0, limit - 1.0)
        share = ops.relu(1.0 - ops.abs(point[..., None] - ops.arange(length, dtype="float32")))
        share = ops.where(inside[..., None], share, ops.zeros_like(share))
        regions = ops.shape(first)[1]
        return ops.mean(ops.reshape(share, (-1, regions, self.size, self.samples, length)), axis=3)

    def compute_output_shape(self, level_shape, boxes_shape):
        return (*boxes_shape[:2], self.size, self.size, level_shape[-1])

    def get_config(self):
        own = {"size": self.size, "stride": self.stride, "samples": self.samples, "aligned": self.aligned}
        return super().get_config() | own
