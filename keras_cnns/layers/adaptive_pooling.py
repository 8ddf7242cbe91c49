"""Pooling to a given number of positions, whatever the picture's size."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_cnns")
class AdaptivePooling2D(keras.layers.Layer):
    """[batch, height, width, channels] -> [batch, size, size, channels].

    Window i of n covers the positions from floor(i * height / n) to ceil((i + 1) * height / n), as in torch: windows
    overlap where n does not divide the height, and repeat positions where n is larger.

    reduce: "mean" or "max".
    """

    def __init__(self, size, reduce="mean", **kwargs):
        super().__init__(**kwargs)
        self.size, self.reduce = size, reduce

    def call(self, x):
        rows, columns = (self._windows(n) for n in ops.shape(x)[1:3])
        if self.reduce == "max":
            x = ops.max(ops.where(rows[:, :, None, None], x[:, None], float("-inf")), axis=2)
            return ops.max(ops.where(columns[:, :, None], x[:, :, None], float("-inf")), axis=3)
        x = ops.einsum("ih,bhwc->biwc", _shares(rows, x.dtype), x)
        return ops.einsum("jw,biwc->bijc", _shares(columns, x.dtype), x)

    def _windows(self, length):
        """[size, length]: whether a window covers a position."""
        window, position = ops.arange(self.size)[:, None], ops.arange(length)
        start, end = window * length // self.size, -(-(window + 1) * length // self.size)
        return (position >= start) & (position < end)

    def compute_output_shape(self, shape):
        return (shape[0], self.size, self.size, shape[-1])

    def get_config(self):
        return super().get_config() | {"size": self.size, "reduce": self.reduce}


def _shares(windows, dtype):
    """Each window's weights, 1 in sum."""
    windows = ops.cast(windows, dtype)
    return windows / ops.sum(windows, axis=1, keepdims=True)
