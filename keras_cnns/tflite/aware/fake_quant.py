"""The layers of a quantization-aware model: int8 simulated in float32, so that training sees its rounding errors.

Jacob et al. 2017, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
1712.05877: activations are rounded to 256 steps of a tracked range, kernels to 255 symmetric steps per filter,
and gradients pass the rounding as if it were not there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from keras_cnns.graph.graph import Graph
from keras_cnns.graph.keras_internals import sublayers
from keras_cnns.graph.kinds import DIVIDE
from keras_cnns.tflite.aware.input_ranges import customary
from keras_cnns.tflite.rewrite.fold import per_input

if TYPE_CHECKING:
    from keras.layers import Layer as _Mixed  # what `_Rounded` is mixed with
else:
    _Mixed = object

Shape: TypeAlias = tuple[int | None, ...]

MOMENTUM = 0.98  # of the tracked ranges: fifty steps; a fine-tune of a few hundred must be able to follow
STARTED = 0.999  # of ranges that pictures have set: the extremes of augmented batches (black borders) are others


@keras.saving.register_keras_serializable("keras_cnns")
class FakeQuant(layers.Layer):
    """Rounds x to 256 steps from `low` to `high`; if these are None, to a range that follows x during training.

    The range is a moving average of each batch's extremes; the first batch sets it. Before that, inference does not
    round. Zero is always one of the steps. Shape in and out: any.

    least: smaller values count as this one, if the reader of x computes the same from them (see `native.floors`).
    is_input: x is an input of the model; a range that pictures nearly fill becomes theirs (see `input_ranges`).
    """

    rounds = True  # see `unrounded`

    def __init__(
        self,
        low: float | None = None,
        high: float | None = None,
        momentum: float = MOMENTUM,
        least: float | None = None,
        is_input: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fixed = None if low is None else (float(low), float(cast(float, high)))
        self.momentum, self.least, self.is_input = momentum, least, is_input
        self.supports_masking = True
        self.supports_jit = False  # Keras would compile the whole step with XLA, several times slower on CPUs

    def build(self, input_shape: Shape) -> None:
        if self.fixed is None:
            options = {"shape": (), "initializer": "zeros", "trainable": False, "dtype": "float32", "autocast": False}
            options |= {"aggregation": "mean"}  # replicas see different pictures
            self.low = self.add_weight(name="low", **options)
            self.high = self.add_weight(name="high", **options)
            self.seen = self.add_weight(name="seen", **options)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not self.rounds:
            return x
        x = self.counted(x)
        if self.fixed is not None:
            return _rounded_between(x, *self.fixed)
        low, high, seen = self.low.value, self.high.value, self.seen.value
        if training:
            low, high = (self._followed(old, seen, new) for old, new in zip((low, high), extremes(x), strict=True))
            self.low.assign(low)
            self.high.assign(high)
            self.seen.assign(ops.ones(()))
        low, high = customary(low, high) if self.is_input else (low, high)
        rounded = _rounded_between(x, low, high)
        return rounded if training else ops.where(seen > 0, rounded, x)

    def counted(self, x: tf.Tensor) -> tf.Tensor:
        """x, with smaller values replaced by `least`."""
        return x if self.least is None else ops.maximum(x, self.least)

    def _followed(self, old: tf.Tensor, seen: tf.Tensor, new: tf.Tensor) -> tf.Tensor:
        return ops.where(seen > 0, self.momentum * old + (1 - self.momentum) * new, new)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        low, high = self.fixed or (None, None)
        own = {"low": low, "high": high, "momentum": self.momentum, "least": self.least, "is_input": self.is_input}
        return {**super().get_config(), **own}


def extremes(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(smallest, largest) value of x and zero."""
    x = ops.stop_gradient(ops.cast(x, "float32"))
    return ops.minimum(ops.min(x), 0.0), ops.maximum(ops.max(x), 0.0)


def _rounded_between(x: tf.Tensor, low: tf.Tensor | float, high: tf.Tensor | float) -> tf.Tensor:
    rounded = tf.quantization.fake_quant_with_min_max_vars(ops.cast(x, "float32"), low, high)
    return ops.cast(rounded, x.dtype)


def rounded_kernel(kernel: tf.Tensor, axes: list[int]) -> tf.Tensor:
    """`kernel` rounded to 255 symmetric steps up to the largest magnitude over `axes`; gradients pass the rounding."""
    step = ops.max(ops.abs(kernel), axes, keepdims=True) / 127.0
    step = ops.where(step > 0, step, ops.ones_like(step))
    return kernel + ops.stop_gradient(ops.round(kernel / step) * step - kernel)


SCALINGS = ("input_scale", "input_shift", "output_scale", "output_shift")  # arguments of the layers that round


class _Rounded(_Mixed):
    """Computes with the rounded kernel; the variable keeps its full precision and is what training changes.

    input_scale, input_shift: one number per input channel; output_scale, output_shift: one per output channel. What is
      computed is `(kernel * (x * input_scale + input_shift) + bias) * output_scale + output_shift`, as the file has it:
      with all four folded into kernel and bias. The variables stay those of the model, so that a step of the optimizer
      moves them no further than it would in the model.
    """

    rounds = True  # see `unrounded`
    depthwise = False

    def __init__(
        self,
        *args: Any,
        input_scale: list[float] | None = None,
        input_shift: list[float] | None = None,
        output_scale: list[float] | None = None,
        output_shift: list[float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.input_scale, self.input_shift = input_scale, input_shift
        self.output_scale, self.output_shift = output_scale, output_shift

    @property
    def folded(self) -> tf.Tensor:
        """The kernel with the scales of its inputs and outputs."""
        kernel = ops.convert_to_tensor(self.kernel)
        kernel = kernel if self.input_scale is None else kernel * self._per_input(self.input_scale)
        return kernel if self.output_scale is None else kernel * self._per_output(self.output_scale)

    @property
    def folded_bias(self) -> tf.Tensor:
        """The bias with what the shift of the inputs adds, and with scale and shift of the outputs."""
        bias = ops.convert_to_tensor(self.bias)
        if self.input_shift is not None:
            added = ops.sum(self.kernel * self._per_input(self.input_shift), self.axes)
            bias = ops.add(bias, ops.reshape(added, (-1,)))
        if self.output_scale is None or self.output_shift is None:
            return bias
        return bias * np.asarray(self.output_scale, "float32") + np.asarray(self.output_shift, "float32")

    @property
    def rounded(self) -> tf.Tensor:
        """The kernel as int8 can hold it."""
        return rounded_kernel(self.folded, self.axes) if self.rounds else self.folded

    def call(self, x: tf.Tensor) -> tf.Tensor:
        x = self.linear(x)
        return ops.add(x, self.folded_bias) if self.use_bias else x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{name: getattr(self, name) for name in SCALINGS}}

    def _per_input(self, values: list[float]) -> np.ndarray:
        array, groups = np.asarray(values, "float64"), getattr(self, "groups", 1)
        return per_input(array, self.kernel.shape, groups, self.depthwise).astype("float32")

    def _per_output(self, values: list[float]) -> np.ndarray:
        """One number per output channel, in the shape of the kernel with 1 for the axes that are summed over."""
        shape = [1 if axis in self.axes else size for axis, size in enumerate(self.kernel.shape)]
        return np.reshape(np.asarray(values, "float32"), shape)


class _Convolution(_Rounded):
    @property
    def axes(self) -> list[int]:
        return list(range(self.rank + 1))

    def linear(self, x: tf.Tensor) -> tf.Tensor:
        if self.groups == 1:
            return self.convolution_op(x, self.rounded)
        # Keras sends grouped convolutions through XLA, hundreds of times slower on CPUs than one by one
        xs, kernels = ops.split(x, self.groups, axis=-1), ops.split(self.rounded, self.groups, axis=-1)
        return ops.concatenate([self.convolution_op(*pair) for pair in zip(xs, kernels, strict=True)], axis=-1)


class _Depthwise(_Rounded):
    depthwise = True

    @property
    def axes(self) -> list[int]:
        return list(range(self.rank))

    def linear(self, x: tf.Tensor) -> tf.Tensor:
        return ops.depthwise_conv(x, self.rounded, self.strides, self.padding, dilation_rate=self.dilation_rate)


class _Transposed(_Rounded):
    @property
    def axes(self) -> list[int]:
        return [*range(self.rank), self.rank + 1]

    def linear(self, x: tf.Tensor) -> tf.Tensor:
        options = {"output_padding": self.output_padding, "dilation_rate": self.dilation_rate}
        return ops.conv_transpose(x, self.rounded, list(self.strides), self.padding, **options)


_register = keras.saving.register_keras_serializable("keras_cnns")


@_register
class RoundedConv1D(_Convolution, layers.Conv1D):
    """Conv1D, linear, with an int8 kernel per filter."""


@_register
class RoundedConv2D(_Convolution, layers.Conv2D):
    """Conv2D, linear, with an int8 kernel per filter."""


@_register
class RoundedDepthwiseConv1D(_Depthwise, layers.DepthwiseConv1D):
    """DepthwiseConv1D, linear, with an int8 kernel per channel."""


@_register
class RoundedDepthwiseConv2D(_Depthwise, layers.DepthwiseConv2D):
    """DepthwiseConv2D, linear, with an int8 kernel per channel."""


@_register
class RoundedConv2DTranspose(_Transposed, layers.Conv2DTranspose):
    """Conv2DTranspose, linear, with an int8 kernel per filter."""


@_register
class RoundedDense(_Rounded, layers.Dense):
    """Dense, linear, with an int8 kernel per unit."""

    axes = [0]

    def linear(self, x: tf.Tensor) -> tf.Tensor:
        return ops.matmul(x, self.rounded)


ROUNDED = {
    layers.Conv1D: RoundedConv1D,
    layers.Conv2D: RoundedConv2D,
    layers.DepthwiseConv1D: RoundedDepthwiseConv1D,
    layers.DepthwiseConv2D: RoundedDepthwiseConv2D,
    layers.Conv2DTranspose: RoundedConv2DTranspose,
    layers.Dense: RoundedDense,
}


@contextmanager
def unrounded(model: keras.Model) -> Iterator[keras.Model]:
    """Context in which a quantization-aware model that is called eagerly computes without any rounding."""
    rounding = [layer for layer in sublayers(model) if isinstance(layer, (FakeQuant, _Rounded))]
    try:
        for layer in rounding:
            layer.rounds = False
        yield model
    finally:
        for layer in rounding:
            layer.rounds = True


def is_quantization_aware(model: object) -> bool:
    """Whether `quantization_aware` made this Keras 3 model, or a model inside it."""
    return isinstance(model, keras.Model) and any(isinstance(layer, FakeQuant) for layer in sublayers(model))


def unrounded_layers(graph: Graph) -> list[str]:
    """Names of linear layers that int8 could compute and that do not round, because they were added afterwards.

    graph: of a quantization-aware model.
    """
    divisors = {node.args[1] for node in graph.nodes if type(node.call) in DIVIDE and len(node.inputs) == 2}
    return sorted({node.origin for node in graph.nodes if node.is_a(*ROUNDED) and node not in divisors})
