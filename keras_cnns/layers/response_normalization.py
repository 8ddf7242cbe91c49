"""Global response normalization. Woo et al. 2023, "ConvNeXt V2", 2301.00808, section 3.2, Algorithm 1."""

from typing import Any

import keras
from keras import ops

from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable("keras_cnns")
class GlobalResponseNormalization(keras.layers.Layer):
    """Scales each channel by its strength over the whole picture, relative to the mean strength of all channels.

    [batch, height, width, channels] -> the same shape: gamma * x * strength + beta + x. The strength is a channel's L2
    norm over all positions, divided by the mean of the norms. gamma and beta are trainable and begin with 0.

    Args:
      epsilon: added to the mean of the norms.

    Example:
      x = GlobalResponseNormalization()(x)  # [2, 56, 56, 384] -> [2, 56, 56, 384]
    """

    def __init__(self, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, shape: tuple) -> None:
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="zeros", name="gamma")
        self.beta = self.add_weight(shape=(shape[-1],), initializer="zeros", name="beta")

    def call(self, x: Tensor) -> Tensor:
        wide = ops.cast(x, "float32") if keras.backend.standardize_dtype(x.dtype) in ("float16", "bfloat16") else x
        # root mean squares have the ratios of the norms and, unlike them, a range that integers can hold
        power = ops.mean(ops.square(wide), axis=(1, 2), keepdims=True)
        norm = ops.sqrt(ops.maximum(power, 1e-12))  # the square root has no finite gradient at 0
        positions = ops.cast(ops.shape(x)[1] * ops.shape(x)[2], norm.dtype)
        strength = norm / (ops.mean(norm, axis=-1, keepdims=True) + self.epsilon / ops.sqrt(positions))
        gamma, beta = (ops.cast(v, x.dtype) for v in (self.gamma, self.beta))
        return x * (gamma * ops.cast(strength, x.dtype) + 1) + beta

    def compute_output_shape(self, shape: tuple) -> tuple:
        return shape

    def get_config(self) -> dict:
        return super().get_config() | {"epsilon": self.epsilon}
