"""Local contrast normalization. Jarrett et al. 2009, "What is the Best Multi-Stage Architecture ...", section 2."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable(package="keras_cnns")
class LocalContrastNormalization(keras.layers.Layer):
    """Subtracts the local mean and divides by the local deviation: [batch, height, width, channels], same shape out.

    v = x - sum(w x), then y = v / max(c, sigma), with sigma = sqrt(sum(w v^2)) and c its mean over the picture.
    The weights w are a Gaussian window of size x size over all channels and sum to 1. At the borders, w covers only the
    part of the window inside the picture.

    Args:
      size: side of the window, in pixels.
      epsilon: smallest sigma; avoids a division by zero where the picture is constant.

    Example:
      x = LocalContrastNormalization(9)(x)  # [2, 32, 32, 3] -> [2, 32, 32, 3]
    """

    def __init__(self, size: int = 9, epsilon: float = 1e-4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size, self.epsilon = size, epsilon

    def call(self, x: Tensor) -> Tensor:
        dtype = keras.backend.standardize_dtype(x.dtype)
        x = ops.cast(x, "float32") if dtype == "float16" else x  # squares and epsilon need its range
        v = x - self._local_mean(x)
        sigma = ops.sqrt(self._local_mean(ops.square(v)) + self.epsilon**2)
        return ops.cast(v / ops.maximum(ops.mean(sigma, axis=(1, 2, 3), keepdims=True), sigma), dtype)

    def _local_mean(self, x: Tensor) -> Tensor:
        """[batch, height, width, 1]: the weighted mean over all channels and the window."""
        mean = ops.mean(x, axis=-1, keepdims=True)
        return self._blur(mean) / self._blur(ops.ones_like(mean))

    def _blur(self, x: Tensor) -> Tensor:
        distance = np.arange(self.size) - (self.size - 1) / 2
        profile = np.exp(-0.5 * (distance / (self.size / 4)) ** 2)
        window = ops.convert_to_tensor(np.outer(profile, profile)[:, :, None, None], x.dtype)
        return ops.conv(x, window, padding="same", data_format="channels_last")

    def compute_output_shape(self, shape: tuple) -> tuple:
        return shape

    def get_config(self) -> dict:
        return super().get_config() | {"size": self.size, "epsilon": self.epsilon}
