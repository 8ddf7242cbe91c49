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
class SamePadding2D(keras.layers.Layer):
    """Pads [batch, height, width, channels] with zeros for a window with stride 2, where "same" padding would.

    Unlike those of the "same" padding of a pooling, the zeros count in a mean and in a maximum.

    Args:
      size: side of the window, odd.

    Example:
      y = MaxPooling2D(3, 2)(SamePadding2D(3)(x))  # [2, 15, 16, 3] -> [2, 8, 8, 3]
    """

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def call(self, x: Tensor) -> Tensor:
        height, width = (self._sides(n) for n in ops.shape(x)[1:3])
        return ops.pad(x, ((0, 0), height, width, (0, 0)))

    def compute_output_shape(self, shape: tuple) -> tuple:
        return (shape[0], *(None if n is None else n + sum(self._sides(n)) for n in shape[1:3]), shape[-1])

    def _sides(self, n: Any) -> tuple[Any, int]:
        return self.size // 2 - (1 - n % 2), self.size // 2

    def get_config(self) -> dict:
        return super().get_config() | {"size": self.size}


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
