"""Kernels of transposed convolutions that begin as bilinear interpolation. Long et al. 2015, 1411.4038, section 3.3."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="keras_cnns")
class Bilinear(keras.initializers.Initializer):
    """A kernel [2 s, 2 s, classes, classes] for stride s: each channel is enlarged s times, none touches another."""

    def __call__(self, shape, dtype=None):
        height, width, outputs, inputs = shape
        kernel = np.zeros(shape, "float32")
        window = np.outer(_tent(height), _tent(width))
        for channel in range(min(outputs, inputs)):
            kernel[:, :, channel, channel] = window
        return ops.convert_to_tensor(kernel, dtype)

    def get_config(self):
        return {}


def _tent(size):
    """Rises to the middle and falls: what a position at each place of the kernel is worth."""
    return 1 - np.abs(np.arange(size) - (size - 1) / 2) / (size / 2)
