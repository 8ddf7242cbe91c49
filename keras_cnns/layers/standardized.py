"""Weight standardization. Qiao et al. 2019, 1903.10520, eqs. 6 to 8; in BiT: Kolesnikov et al. 2020, 1912.11370."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_cnns")
class StandardizedConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` whose kernel is used with mean 0 and variance 1 over each filter.

    epsilon: added to the variance.
    """

    def __init__(self, *args, epsilon=1e-8, **kwargs):
        super().__init__(*args, **kwargs)
        self.epsilon = epsilon

    def convolution_op(self, inputs, kernel):
        return super().convolution_op(inputs, self.standardized(kernel))

    def standardized(self, kernel):
        kernel = ops.convert_to_tensor(kernel)  # JAX's functions take no Keras variables
        dtype = keras.backend.standardize_dtype(kernel.dtype)
        wide = ops.cast(kernel, "float32") if dtype in ("float16", "bfloat16") else kernel  # epsilon is 0 in 16 bits
        mean, variance = ops.moments(wide, axes=(0, 1, 2), keepdims=True)
        return ops.cast((wide - mean) * ops.rsqrt(variance + self.epsilon), dtype)

    def inference_form(self):
        """The Keras layer that computes the same outside training: its class, its arguments and its weights."""
        kernel, *bias = self.get_weights()
        kernel = keras.ops.convert_to_numpy(self.standardized(kernel.astype("float32")))
        return keras.layers.Conv2D, super().get_config(), [kernel, *bias]

    def get_config(self):
        return super().get_config() | {"epsilon": self.epsilon}
