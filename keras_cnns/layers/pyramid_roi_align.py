"""RoI align on a feature pyramid: each box from the level of its size. Lin et al. 2016, 1612.03144, equation 1."""

import keras
from keras import ops

from keras_cnns.geometry.levels import level_of


@keras.saving.register_keras_serializable(package="keras_cnns")
class PyramidRoIAlign(keras.layers.Layer):
    """(levels: a list of [B, h, w, C], each half the one before; boxes [B, R, 4] in pixels) -> [B, R, size, size, C].

    Every point of a box is looked up in its own level alone, so that the cost does not depend on the levels' sizes.

    lowest: n of the first level, which is 2**n smaller than the picture. samples, aligned: see `RoIAlign`.
    """

    def __init__(self, size, lowest=2, samples=2, aligned=True, **kwargs):
        super().__init__(autocast=False, **kwargs)  # boxes stay float32
        self.size, self.lowest, self.samples, self.aligned = size, lowest, samples, aligned

    def call(self, levels, boxes):
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
        for row, row_share in rows:
            for column, column_share in columns:
                place = start[..., None, None] + row[..., :, None] * width[..., None, None] + column[..., None, :]
                share = ops.cast(row_share[..., :, None] * column_share[..., None, :], flat.dtype)
                pooled = pooled + share[..., None] * ops.take(flat, place, axis=0)
        points = self.size * self.samples
        pooled = ops.reshape(pooled, (-1, points, points, channels))
        pooled = ops.average_pool(pooled, self.samples, data_format="channels_last")
        return ops.reshape(pooled, (batch, regions, self.size, self.size, channels))

    def _between(self, first, last, length):
        """Along one axis, twice (positions int32 [B, R, points], their shares of each point): before it and behind."""
        extent = last - first if self.aligned else ops.maximum(last - first, 1.0)
        number = (ops.arange(self.size * self.samples, dtype="float32") + 0.5) / self.samples
        point = first[..., None] + number * extent[..., None] / self.size
        limit = ops.cast(length, "float32")[..., None]
        inside = ops.cast(ops.logical_and(point >= -1.0, point <= limit), "float32")
        point = ops.maximum(ops.minimum(point, limit - 1.0), 0.0)  # NaN becomes a position too
        before = ops.cast(ops.floor(point), "int32")
        behind = ops.minimum(before + 1, length[..., None] - 1)
        share = point - ops.floor(point)
        return (before, inside * (1.0 - share)), (behind, inside * share)

    def compute_output_shape(self, levels_shape, boxes_shape):
        return (*boxes_shape[:2], self.size, self.size, levels_shape[0][-1])

    def get_config(self):
        own = {"size": self.size, "lowest": self.lowest, "samples": self.samples, "aligned": self.aligned}
        return super().get_config() | own
