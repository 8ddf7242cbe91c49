"""Counts the multiply-accumulates of one call of a layer, for one picture."""

import math
from collections.abc import Sequence
from typing import Any

from keras import layers

from keras_cnns.graph.calls import Call
from keras_cnns.graph.kinds import CONVS, DEPTHWISE, MATMUL, TRANSPOSED


def macs(call: Call) -> int | None:
    """Multiply-accumulates of a convolution, dense layer or matrix product for one picture. Zeros of the padding count.

    None if this kind of operation is not counted, or the size of its output is not known.
    """
    layer, shape = call.operation, call.shape
    if None in shape or any(None in ref.shape[1:] for ref in call.inputs):
        return None
    if isinstance(layer, (layers.SeparableConv1D, layers.SeparableConv2D)):
        return _positions(layer, shape) * (_size(layer.depthwise_kernel) + _size(layer.pointwise_kernel))
    if isinstance(layer, TRANSPOSED):
        return _positions(layer, call.inputs[0].shape[1:]) * _size(layer.kernel)  # by input positions
    if isinstance(layer, (*DEPTHWISE, *CONVS)):
        return _positions(layer, shape) * _size(layer.kernel)
    if isinstance(layer, layers.Dense):
        return math.prod(shape[:-1]) * _size(layer.kernel)
    if isinstance(layer, layers.EinsumDense):
        operands, result = layer.equation.split("->")
        kernel = operands.split(",")[1]
        summed = [n for label, n in zip(kernel, layer.kernel.shape, strict=True) if label not in result]
        return math.prod(shape) * math.prod(summed)
    if type(layer) is MATMUL:
        return math.prod(shape) * call.inputs[0].shape[-1]
    return None


def _positions(layer: Any, shape: Sequence[int]) -> int:
    return math.prod(shape[1:] if layer.data_format == "channels_first" else shape[:-1])


def _size(kernel: Any) -> int:
    return math.prod(kernel.shape)
