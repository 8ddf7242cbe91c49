"""Weight standardization. Qiao et al. 2019, 1903.10520, eqs. 6 to 8; in BiT: Kolesnikov et al. 2020, 1912.11370."""

from typing import Any

import keras
from keras import ops

from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable(package="keras_cnns")
class StandardizedConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` whose kernel is scaled to mean 0 and variance 1 over each filter before it is used.

    Shapes, kernel and arguments are those of `keras.layers.Conv2D`.

    Args:
      epsilon: added to the variance.

    Example:
      x = StandardizedConv2D(64, 3, padding="same")(x)  # [2, 56, 56, 64] -> [2, 56, 56, 64]
    """

    def __init__(self, *args: Any, epsilon: float = 1e-8, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.epsilon = epsilon

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        return super().convolution_op(inputs, self.standardized(kernel))

    def standardized(self, kernel: Tensor) -> Tensor:
        """The kernel [height, width, in, out] with mean 0 and variance 1 over each filter."""
        kernel = ops.convert_to_tensor(kernel)  # JAX's functions refuse Keras variables
        dtype = keras.backend.standardize_dtype(kernel.dtype)
        kernel = ops.cast(kernel, "float32") if dtype in ("float16", "bfloat16") else kernel  # epsilon is 0 in 16 bits
        mean, variance = ops.moments(kernel, axes=(0, 1, 2), keepdims=True)
        return ops.cast((kernel - mean) * ops.rsqrt(variance + self.epsilon), dtype)

    def inference_form(self) -> tuple[type, dict, list]:
        """(class, arguments, weights) of the Keras layer that computes the same at inference."""
        kernel, *bias = self.get_weights()
        kernel = keras.ops.convert_to_numpy(self.standardized(kernel.astype("float32")))
        return keras.layers.Conv2D, super().get_config(), [kernel, *bias]

    def get_config(self) -> dict:
        return super().get_config() | {"epsilon": self.epsilon}
