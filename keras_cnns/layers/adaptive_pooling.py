"""Pooling to a fixed number of positions, whatever the size of the picture. He et al. 2014, 1406.4729, section 2.2."""

from typing import Any

import keras
from keras import ops

from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable(package="keras_cnns")
class AdaptivePooling2D(keras.layers.Layer):
    """Pools [batch, height, width, channels] to [batch, size, size, channels].

    Window i of n covers the positions from floor(i * height / n) up to, but not including, ceil((i + 1) * height / n),
    as in torch's `AdaptiveAvgPool2d`. Windows overlap where n does not divide the height, and repeat positions where n
    is larger than the height.

    Args:
      size: number of windows along each side of the output.
      reduce: "mean" or "max".

    Example:
      x = AdaptivePooling2D(6)(x)  # [2, 13, 17, 256] -> [2, 6, 6, 256]
    """

    def __init__(self, size: int, reduce: str = "mean", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size, self.reduce = size, reduce

    def call(self, x: Tensor) -> Tensor:
        rows, columns = (self._windows(n) for n in ops.shape(x)[1:3])
        if self.reduce == "max":
            x = ops.max(ops.where(rows[:, :, None, None], x[:, None], float("-inf")), axis=2)
            return ops.max(ops.where(columns[:, :, None], x[:, :, None], float("-inf")), axis=3)
        x = ops.einsum("ih,bhwc->biwc", _window_weights(rows, x.dtype), x)
        return ops.einsum("jw,biwc->bijc", _window_weights(columns, x.dtype), x)

    def _windows(self, length: int | Tensor) -> Tensor:
        """bool [size, length]: whether a window covers a position."""
        window, position = ops.arange(self.size)[:, None], ops.arange(length)
        start, end = window * length // self.size, -(-(window + 1) * length // self.size)
        return (position >= start) & (position < end)

    def compute_output_shape(self, shape: tuple) -> tuple:
        return (shape[0], self.size, self.size, shape[-1])

    def get_config(self) -> dict:
        return super().get_config() | {"size": self.size, "reduce": self.reduce}


def _window_weights(windows: Tensor, dtype: str) -> Tensor:
    """[size, length]: the weight of each position in the mean of a window. The weights of a window sum to 1."""
    windows = ops.cast(windows, dtype)
    return windows / ops.sum(windows, axis=1, keepdims=True)
