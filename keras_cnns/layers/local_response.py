"""Local response normalization. Krizhevsky et al. 2012, section 3.3."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="keras_cnns")
class LocalResponseNormalization(keras.layers.Layer):
    """b_i = a_i / (k + alpha * sum a_j^2) ** beta, over the n channels j nearest to i at the same position.

    The sum is a 1x1 convolution of the squares with a banded matrix of ones, which every backend, the GPU and
    TensorFlow Lite's delegates run fast. Caffe and torch divide alpha by n: give them `alpha / n`.
    """

    def __init__(self, n=5, k=2.0, alpha=1e-4, beta=0.75, **kwargs):
        super().__init__(**kwargs)
        self.n, self.k, self.alpha, self.beta = n, k, alpha, beta

    def call(self, x):
        dtype = keras.backend.standardize_dtype(x.dtype)
        x = ops.cast(x, "float32") if dtype == "float16" else x  # squares outgrow 16 bits
        channel = np.arange(x.shape[-1])
        near = np.abs(channel[:, None] - channel) <= self.n // 2
        band = ops.convert_to_tensor(self.alpha * near[None, None], x.dtype)
        strength = ops.conv(ops.square(x), band, data_format="channels_last")
        return ops.cast(x * ops.power(self.k + strength, -self.beta), dtype)

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return super().get_config() | {"n": self.n, "k": self.k, "alpha": self.alpha, "beta": self.beta}
