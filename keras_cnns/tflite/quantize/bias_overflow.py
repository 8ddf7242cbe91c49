"""Biases that overflow because their channel's weights are almost zero: the quantizer clips them, `fit` restores them.

The step of a bias is the step of the input times the step of the channel's weights. Training leaves some channels with
weights of almost zero, and then the bias needs more than 32 bits. The weights get a step with which the bias fits.
"""

import copy

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.tflite.quantize.kernels import Kernel
from keras_cnns.tflite.quantize.steps import File

MOST = 2.0**29  # steps of a bias: what correcting it adds, and the sum, fit as well
HIGH = 127


def fit(plain: bytes, quantized: bytes) -> bytes:
    """The flatbuffer `quantized`, made from `plain`, with every bias at its full size.

    Weights that several operators share are not changed: their step belongs to the others as well.
    """
    floats, integers = File(plain), File(quantized)
    replaced: set[int] = set()
    own = integers.computing
    for operator in floats.operators:
        kernel, twin = Kernel.of(floats, operator), own.get(floats.name(operator.outputs[0]))
        if kernel and kernel.bias is not None and twin is not None and integers.readers(twin.inputs[kernel.place]) == 1:
            bias = floats.constant(operator.inputs[kernel.bias])
            assert bias is not None  # a kernel's bias is stored
            replaced |= _fit(integers, twin, kernel, bias)
    return integers.without(replaced) if replaced else quantized


def _fit(file: File, twin: schema.OperatorT, kernel: Kernel, bias: np.ndarray) -> set[int]:
    """Gives weights larger steps where their bias, in floats, needs them; returns the buffers that are replaced."""
    places = [twin.inputs[place] for place in (kernel.place, kernel.bias)]
    if file.tensors[places[1]].type not in (schema.TensorType.INT32, schema.TensorType.INT64):
        return set()
    weight_steps, steps = (np.asarray(file.tensors[place].quantization.scale, np.float64) for place in places)
    least = np.abs(bias.astype(np.float64)) / MOST
    if (steps >= least).all():
        return set()
    new = np.maximum(steps, least if len(steps) > 1 else least.max())
    weight_new = weight_steps * (new / steps)
    shape = [1] * kernel.weights.ndim
    shape[kernel.axis] = -1
    integers = np.clip(np.rint(kernel.weights / weight_new.reshape(shape)), -HIGH, HIGH)
    replaced = {file.tensors[place].buffer for place in places}
    for place, values, scale in zip(places, (integers, np.rint(bias / new)), (weight_new, new), strict=True):
        held = file.tensors[place]
        held.quantization = copy.copy(held.quantization)
        held.quantization.scale = scale.astype(np.float32)
        file.store(place, values)
    return replaced
