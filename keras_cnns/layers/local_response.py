"""Local response normalization. Krizhevsky et al. 2012, section 3.3."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable(package="keras_cnns")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides each channel by the strength of its neighbours: [batch, height, width, channels], same shape out.

    b_i = a_i / (k + alpha * sum(a_j^2)) ** beta, where j runs over the n channels nearest to i at the same position.

    The sum is a 1x1 convolution of the squares with a banded matrix of ones, which is fast on every backend, on GPUs
    and on the delegates of TensorFlow Lite. Caffe and torch divide alpha by n: pass `alpha / n` for their weights.

    Args:
      n: number of channels in the sum, the channel itself included.
      k, alpha, beta: constants of the equation; the defaults are the paper's.

    Example:
      x = LocalResponseNormalization()(x)  # [2, 55, 55, 96] -> [2, 55, 55, 96]
    """

    def __init__(self, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n, self.k, self.alpha, self.beta = n, k, alpha, beta

    def call(self, x: Tensor) -> Tensor:
        dtype = keras.backend.standardize_dtype(x.dtype)
        x = ops.cast(x, "float32") if dtype == "float16" else x  # squares overflow in 16 bits
        channel = np.arange(x.shape[-1])
        is_near = np.abs(channel[:, None] - channel) <= self.n // 2
        band = ops.convert_to_tensor(self.alpha * is_near[None, None], x.dtype)
        strength = ops.conv(ops.square(x), band, data_format="channels_last")
        return ops.cast(x * ops.power(self.k + strength, -self.beta), dtype)

    def compute_output_shape(self, shape: tuple) -> tuple:
        return shape

    def get_config(self) -> dict:
        return super().get_config() | {"n": self.n, "k": self.k, "alpha": self.alpha, "beta": self.beta}
