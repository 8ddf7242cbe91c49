"""Grouped convolution that trains on a CPU. Krizhevsky et al. 2012, section 3.5; Xie et al. 2016, Fig. 3c."""

import keras
from keras import ops

WIDTH = 32  # channels of one dense convolution that use a CPU's vector units well


@keras.saving.register_keras_serializable("keras_cnns")
class GroupedConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` with groups: same arguments, same kernel [height, width, channels / groups, filters].

    TensorFlow's CPU has no gradient of a grouped convolution, and the detour that Keras takes through XLA is tens of
    times slower than the arithmetic. So while training there, a few dense convolutions side by side compute the same: a
    step of ResNeXt-50 takes a tenth of the time (benchmarks/grouped_convolution.py). Everywhere else it is one grouped
    convolution: on a GPU, in an exported file, and outside training on a CPU, where the detour costs `predict` a fifth.
    """

    def call(self, inputs, training=None):
        if not training or self.data_format != "channels_last" or not slow_here():
            return super().call(inputs)
        outputs = self.side_by_side(inputs)
        outputs = outputs if self.bias is None else ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def side_by_side(self, inputs):
        """The convolution as dense ones over neighbouring groups, each at least WIDTH channels wide if it can be."""
        parts = max(n for n in range(1, self.groups + 1) if self.groups % n == 0 and fits(inputs, n))
        kernels = [block_diagonal(k, self.groups // parts) for k in ops.split(self.kernel, parts, axis=-1)]
        slices = ops.split(inputs, parts, axis=-1)
        return ops.concatenate([self.convolution_op(x, k) for x, k in zip(slices, kernels, strict=True)], axis=-1)

    def inference_form(self):
        """The Keras layer that computes the same outside training: its class, its arguments and its weights."""
        return keras.layers.Conv2D, self.get_config(), self.get_weights()


def fits(inputs, parts):
    """Whether that many parts are wide enough; one part always is."""
    return parts == 1 or inputs.shape[-1] >= WIDTH * parts


def block_diagonal(kernel, groups):
    """A grouped kernel [h, w, c, groups * f] as the dense one [h, w, groups * c, groups * f], zero across groups."""
    if groups == 1:
        return kernel
    height, width, channels, filters = kernel.shape
    blocks = ops.reshape(kernel, (height, width, 1, channels, groups, filters // groups))
    own = ops.reshape(ops.eye(groups, dtype=kernel.dtype), (groups, 1, groups, 1))
    return ops.reshape(blocks * own, (height, width, groups * channels, filters))


def slow_here():
    """Whether this backend computes on a CPU that has no gradient of grouped convolutions."""
    if keras.backend.backend() != "tensorflow":
        return False
    return all(device.startswith("cpu") for device in keras.distribution.list_devices())
