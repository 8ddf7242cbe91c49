"""Grouped convolution that trains fast on a CPU. Krizhevsky et al. 2012, section 3.5; Xie et al. 2016, Fig. 3c."""

import keras
from keras import ops

from keras_cnns.support.types import Tensor

WIDTH = 32  # smallest number of channels that makes good use of a CPU's vector units


@keras.saving.register_keras_serializable("keras_cnns")
class GroupedConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` with groups: same arguments, shapes and kernel [height, width, channels / groups, filters].

    TensorFlow has no gradient of a grouped convolution on a CPU, and Keras's substitute, which goes through XLA, takes
    tens of times longer than the arithmetic needs. Training on a CPU therefore runs a few dense convolutions side by
    side, which compute the same: a step of ResNeXt-50 takes a tenth of the time (benchmarks/grouped_convolution.py).
    In every other case (on a GPU, in an exported file, at inference) the layer is one grouped convolution.

    Example:
      x = GroupedConv2D(128, 3, padding="same", groups=32)(x)  # [2, 56, 56, 128] -> [2, 56, 56, 128]
    """

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        if not training or self.data_format != "channels_last" or not slow_here():
            return super().call(inputs)
        outputs = self.side_by_side(inputs)
        outputs = outputs if self.bias is None else ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def side_by_side(self, inputs: Tensor) -> Tensor:
        """The same convolution, computed as dense ones over neighbouring groups, each at least WIDTH channels wide."""
        parts = max(n for n in range(1, self.groups + 1) if self.groups % n == 0 and fits(inputs, n))
        kernels = [block_diagonal(k, self.groups // parts) for k in ops.split(self.kernel, parts, axis=-1)]
        slices = ops.split(inputs, parts, axis=-1)
        return ops.concatenate([self.convolution_op(x, k) for x, k in zip(slices, kernels, strict=True)], axis=-1)

    def inference_form(self) -> tuple[type, dict, list]:
        """(class, arguments, weights) of the Keras layer that computes the same at inference."""
        return keras.layers.Conv2D, self.get_config(), self.get_weights()


def fits(inputs: Tensor, parts: int) -> bool:
    """Whether `inputs`, split into that many parts, still has at least WIDTH channels in each. One part always fits."""
    return parts == 1 or inputs.shape[-1] >= WIDTH * parts


def block_diagonal(kernel: Tensor, groups: int) -> Tensor:
    """The dense kernel [h, w, groups * c, groups * f] of a grouped one [h, w, c, groups * f]: zero across groups."""
    if groups == 1:
        return kernel
    height, width, channels, filters = kernel.shape
    blocks = ops.reshape(kernel, (height, width, 1, channels, groups, filters // groups))
    same_group = ops.reshape(ops.eye(groups, dtype=kernel.dtype), (groups, 1, groups, 1))
    return ops.reshape(blocks * same_group, (height, width, groups * channels, filters))


def slow_here() -> bool:
    """Whether the backend is TensorFlow on a CPU, which has no gradient of grouped convolutions."""
    if keras.backend.backend() != "tensorflow":
        return False
    return all(device.startswith("cpu") for device in keras.distribution.list_devices())
