"""Layers for pictures whose size is only known when the network runs: pad, crop back and resize.

A fully convolutional network pads its input to a size that halves evenly, and crops or resizes its output to the size
of the input.
"""

from typing import Any

import keras
from keras import ops

from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable(package="keras_cnns")
class PadToMultiple(keras.layers.Layer):
    """Pads [batch, height, width, channels] with zeros until height and width are multiples of `multiple`.

    The zeros are added at the bottom and on the right. `CropLike` removes them again.

    Args:
      multiple: the number, in pixels, that divides the height and the width of the output.

    Example:
      y = PadToMultiple(32)(x)  # [2, 100, 64, 3] -> [2, 128, 64, 3]
    """

    def __init__(self, multiple: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.multiple = multiple

    def call(self, x: Tensor) -> Tensor:
        height, width = ops.shape(x)[1:3]
        return ops.pad(x, ((0, 0), (0, -height % self.multiple), (0, -width % self.multiple), (0, 0)))

    def compute_output_shape(self, shape: tuple) -> tuple:
        return (shape[0], *(None if n is None else n + -n % self.multiple for n in shape[1:3]), shape[-1])

    def get_config(self) -> dict:
        return super().get_config() | {"multiple": self.multiple}


@keras.saving.register_keras_serializable(package="keras_cnns")
class CropLike(keras.layers.Layer):
    """Crops x [batch, H, W, channels] to the height and width of like [batch, h, w, ...], from the top left corner.

    Example:
      y = CropLike()(y, x)  # y: [2, 128, 64, 21], x: [2, 100, 64, 3] -> [2, 100, 64, 21]
    """

    def call(self, x: Tensor, like: Tensor) -> Tensor:
        height, width = ops.shape(like)[1:3]
        return x[:, :height, :width]

    def compute_output_shape(self, x_shape: tuple, like_shape: tuple) -> tuple:
        return (x_shape[0], *like_shape[1:3], x_shape[-1])


@keras.saving.register_keras_serializable(package="keras_cnns")
class ResizeLike(keras.layers.Layer):
    """Resizes x [batch, H, W, channels] to the height and width of like [batch, h, w, ...], by bilinear interpolation.

    The outer edges of both pictures coincide (torch's `align_corners=False`).

    Example:
      y = ResizeLike()(y, x)  # y: [2, 32, 32, 21], x: [2, 256, 256, 3] -> [2, 256, 256, 21]
    """

    def call(self, x: Tensor, like: Tensor) -> Tensor:
        return ops.image.resize(x, ops.shape(like)[1:3], "bilinear", data_format="channels_last")

    def compute_output_shape(self, x_shape: tuple, like_shape: tuple) -> tuple:
        return (x_shape[0], *like_shape[1:3], x_shape[-1])
