"""A factor for each channel of a residual branch. Touvron et al. 2021, 2103.17239, section 2 ("LayerScale")."""

from typing import Any

import keras

from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable("keras_cnns")
class LayerScale(keras.layers.Layer):
    """Multiplies each channel by a trainable factor. [..., channels] -> the same shape.

    Args:
      init_value: of the factors: small, so that a block begins close to the identity.

    Example:
      x = LayerScale(1e-6)(x)  # [2, 56, 56, 96] -> [2, 56, 56, 96]
    """

    def __init__(self, init_value: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_value = init_value

    def build(self, shape: tuple) -> None:
        self.gamma = self.add_weight(
            shape=(shape[-1],), initializer=keras.initializers.Constant(self.init_value), name="gamma"
        )

    def call(self, x: Tensor) -> Tensor:
        return x * keras.ops.cast(self.gamma, x.dtype)

    def compute_output_shape(self, shape: tuple) -> tuple:
        return shape

    def get_config(self) -> dict:
        return super().get_config() | {"init_value": self.init_value}
