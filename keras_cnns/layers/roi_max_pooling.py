"""RoI max pooling. Girshick 2015, "Fast R-CNN", 1504.08083, section 2.1."""

import keras
from keras import ops

LONGEST = 127  # positions along a level whose size is not known before it runs


@keras.saving.register_keras_serializable(package="keras_cnns")
class RoIMaxPooling(keras.layers.Layer):
    """(level [B, h, w, C], boxes [B, R, 4] in pixels) -> [B, R, size, size, C].

    A box, its corners rounded to positions of the level and both included, is divided into size x size windows of a
    size-th of its sides, rounded outwards; a window without a position inside the level gives 0.

    The maxima of all windows of 1, 2, 4 .. positions are made once for the level; a window of any other length is
    covered by two of them. So the cost depends neither on the boxes' size nor, much, on their number.

    stride: pixels from one position of the level to the next.
    """

    def __init__(self, size, stride, **kwargs):
        super().__init__(autocast=False, **kwargs)  # boxes stay float32
        self.size, self.stride = size, stride

    def call(self, level, boxes):
        height, width = ops.shape(level)[1:3]
        # half a position rounds up, as in C; Keras rounds it to the even one
        corners = ops.cast(ops.floor(ops.cast(boxes, "float32") / self.stride + 0.5), "int32")
        top, down, rows = self._cover(corners[..., 1], corners[..., 3], height)
        left, right, columns = self._cover(corners[..., 0], corners[..., 2], width)
        doublings = max(_doublings(height), _doublings(width))
        maxima = _running_maxima(level, doublings)  # [B, doublings, doublings, h, w, C]
        batch, regions = ops.shape(boxes)[:2]
        channels = level.shape[-1]
        which = ops.arange(batch)[:, None, None] * doublings + rows[0]
        which = which[..., None] * doublings + columns[0][..., None, :]  # [B, R, size, size]
        pooled = None
        for row in (top, down):
            for column in (left, right):
                place = (which * height + row[..., None]) * width + column[..., None, :]
                found = ops.take(ops.reshape(maxima, (-1, channels)), ops.reshape(place, (-1,)), axis=0)
                pooled = found if pooled is None else ops.maximum(pooled, found)
        pooled = ops.reshape(pooled, (batch, regions, self.size, self.size, channels))
        covered = ops.logical_and(rows[1][..., None], columns[1][..., None, :])
        return ops.where(covered[..., None], pooled, ops.zeros_like(pooled))

    def _cover(self, first, last, length):
        """Along one axis, [B, R, size]: where the two runs begin that cover each window, (the power of 2 of their
        length, whether there is any position in the window)."""
        extent = ops.maximum(last - first + 1, 1)[..., None]
        number = ops.arange(self.size)
        start = ops.clip(first[..., None] + number * extent // self.size, 0, length)
        end = ops.clip(first[..., None] + ((number + 1) * extent + self.size - 1) // self.size, 0, length)
        there = end > start
        start = ops.where(there, start, ops.zeros_like(start))
        end = ops.where(there, end, ops.ones_like(end))
        power, run = ops.zeros_like(start), ops.ones_like(start)
        for n in range(1, _doublings(length)):
            longer = ops.cast(end - start >= 2**n, "int32")
            power, run = power + longer, run + longer * 2 ** (n - 1)
        return start, end - run, (power, there)

    def compute_output_shape(self, level_shape, boxes_shape):
        return (*boxes_shape[:2], self.size, self.size, level_shape[-1])

    def get_config(self):
        return super().get_config() | {"size": self.size, "stride": self.stride}


def _doublings(length):
    """How many powers of 2, from 1 on, there are up to the length of a level, which the longest window has."""
    return (length if isinstance(length, int) else LONGEST).bit_length()


def _running_maxima(level, doublings):
    """[B, doublings, doublings, h, w, C]: of 2**i rows and 2**j columns from each position on."""
    rows = _doubled(level, 1, doublings)
    return ops.stack([ops.stack(_doubled(row, 2, doublings), 1) for row in rows], 1)


def _doubled(x, axis, doublings):
    length, runs = ops.shape(x)[axis], [x]
    for n in range(doublings - 1):
        further = ops.minimum(ops.arange(length) + 2**n, length - 1)
        runs.append(ops.maximum(runs[-1], ops.take(runs[-1], further, axis=axis)))
    return runs
