"""Pooling by a mean whose weights fall with the distance from the window's centre."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="keras_cnns")
class WeightedPooling2D(keras.layers.Layer):
    """Weights exp(-d^2 / (2 sigma^2)) for a position d pixels from the centre, 1 in sum; nothing is padded.

    sigma: in pixels; a quarter of the window by default.
    """

    def __init__(self, size, stride=None, sigma=None, **kwargs):
        super().__init__(**kwargs)
        self.size, self.stride, self.sigma = size, stride or size, sigma or size / 4

    def weights_of_window(self):
        """[size, size], 1 in sum."""
        offset = np.arange(self.size) - (self.size - 1) / 2
        line = np.exp(-0.5 * (offset / self.sigma) ** 2)
        return np.outer(line, line) / line.sum() ** 2

    def call(self, x):
        window = np.repeat(self.weights_of_window()[:, :, None, None], x.shape[-1], axis=2)
        window = ops.convert_to_tensor(window, x.dtype)
        return ops.depthwise_conv(x, window, strides=self.stride, padding="valid", data_format="channels_last")

    def compute_output_shape(self, shape):
        rows, columns = (None if n is None else (n - self.size) // self.stride + 1 for n in shape[1:3])
        return (shape[0], rows, columns, shape[-1])

    def get_config(self):
        return super().get_config() | {"size": self.size, "stride": self.stride, "sigma": self.sigma}
