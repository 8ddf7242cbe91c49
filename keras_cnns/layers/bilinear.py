"""An initializer for transposed convolutions: bilinear interpolation. Long et al. 2015, 1411.4038, section 3.3."""

import keras
import numpy as np
from keras import ops

from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable(package="keras_cnns")
class Bilinear(keras.initializers.Initializer):
    """A kernel [2 s, 2 s, classes, classes] that enlarges each channel s times and mixes no two channels.

    Use it for a `Conv2DTranspose` with stride s and a window of 2 s x 2 s.

    Example:
      x = keras.layers.Conv2DTranspose(21, 4, 2, "same", kernel_initializer=Bilinear())(x)  # s = 2
    """

    def __call__(self, shape: tuple[int, int, int, int], dtype: str | None = None) -> Tensor:
        height, width, outputs, inputs = shape
        kernel = np.zeros(shape, "float32")
        window = np.outer(_tent(height), _tent(width))
        for channel in range(min(outputs, inputs)):
            kernel[:, :, channel, channel] = window
        return ops.convert_to_tensor(kernel, dtype)

    def get_config(self) -> dict:
        return {}


def _tent(size: int) -> np.ndarray:
    """[size]: interpolation weights that rise linearly to the middle of the window and fall again."""
    return 1 - np.abs(np.arange(size) - (size - 1) / 2) / (size / 2)
