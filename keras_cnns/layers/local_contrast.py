"""Local contrast normalization. Jarrett et al. 2009, "What is the Best Multi-Stage Architecture ...", section 2."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="keras_cnns")
class LocalContrastNormalization(keras.layers.Layer):
    """v = x - sum w x, then y = v / max(c, sigma): a position stands out from its surroundings, in all maps at once.

    w: a Gaussian window of size x size over all channels, weights 1 in sum (at the borders: of the part inside the
    picture). sigma = sqrt(sum w v^2), and c its mean over the picture.
    """

    def __init__(self, size=9, epsilon=1e-4, **kwargs):
        super().__init__(**kwargs)
        self.size, self.epsilon = size, epsilon

    def call(self, x):
        dtype = keras.backend.standardize_dtype(x.dtype)
        x = ops.cast(x, "float32") if dtype == "float16" else x  # squares and epsilon need its range
        v = x - self._local_mean(x)
        sigma = ops.sqrt(self._local_mean(ops.square(v)) + self.epsilon**2)
        return ops.cast(v / ops.maximum(ops.mean(sigma, axis=(1, 2, 3), keepdims=True), sigma), dtype)

    def _local_mean(self, x):
        """The weighted mean over all channels and the window, [batch, height, width, 1]."""
        mean = ops.mean(x, axis=-1, keepdims=True)
        return self._blur(mean) / self._blur(ops.ones_like(mean))

    def _blur(self, x):
        distance = np.arange(self.size) - (self.size - 1) / 2
        line = np.exp(-0.5 * (distance / (self.size / 4)) ** 2)
        window = ops.convert_to_tensor(np.outer(line, line)[:, :, None, None], x.dtype)
        return ops.conv(x, window, padding="same", data_format="channels_last")

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return super().get_config() | {"size": self.size, "epsilon": self.epsilon}
