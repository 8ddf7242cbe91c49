"""Pooling by a Gaussian-weighted mean: Lp-pooling with p = 1. Sermanet et al. 2012, 1204.3968."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable(package="keras_cnns")
class WeightedPooling2D(keras.layers.Layer):
    """The weighted mean over windows, without padding: [batch, height, width, channels] -> [batch, h, w, channels].

    A position d pixels from the centre of the window has the weight exp(-d^2 / (2 sigma^2)), scaled so that the weights
    sum to 1. h = (height - size) // stride + 1, and w likewise.

    Args:
      size: side of the window, in pixels.
      stride: pixels between windows. Default: `size`.
      sigma: in pixels. Default: a quarter of `size`.

    Example:
      x = WeightedPooling2D(2)(x)  # [2, 28, 28, 16] -> [2, 14, 14, 16]
    """

    def __init__(self, size: int, stride: int | None = None, sigma: float | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size, self.stride, self.sigma = size, stride or size, sigma or size / 4

    def weights_of_window(self) -> np.ndarray:
        """[size, size]: the weights, which sum to 1."""
        offset = np.arange(self.size) - (self.size - 1) / 2
        profile = np.exp(-0.5 * (offset / self.sigma) ** 2)
        return np.outer(profile, profile) / profile.sum() ** 2

    def call(self, x: Tensor) -> Tensor:
        window = np.repeat(self.weights_of_window()[:, :, None, None], x.shape[-1], axis=2)
        window = ops.convert_to_tensor(window, x.dtype)
        return ops.depthwise_conv(x, window, strides=self.stride, padding="valid", data_format="channels_last")

    def compute_output_shape(self, shape: tuple) -> tuple:
        rows, columns = (None if n is None else (n - self.size) // self.stride + 1 for n in shape[1:3])
        return (shape[0], rows, columns, shape[-1])

    def get_config(self) -> dict:
        return super().get_config() | {"size": self.size, "stride": self.stride, "sigma": self.sigma}
