"""Biases of a float16 file in float16, like its weights.

Runtimes that compute in float16 (GPUs, XNNPACK in browsers) take an operator only if its weights and its bias are both
float16 behind a DEQUANTIZE. The quantizer leaves biases in float32.
"""

import copy

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.quantize.kernels import PLACES
from keras_cnns.tflite.quantize.steps import File

LARGEST = float(np.finfo(np.float16).max)


def added(data: bytes) -> bytes:
    """The flatbuffer with stored float32 biases of operators with weights in float16, each behind a DEQUANTIZE.

    A bias that float16 cannot hold is not changed.
    """
    file = File(data)
    biases = []
    for operator in file.operators:
        kind = file.kind(operator)
        if kind in PLACES and len(operator.inputs) > (place := PLACES[kind][2]):
            biases.append(operator.inputs[place])
    new = []
    for tensor in dict.fromkeys(biases):
        values = file.constant(tensor)
        if values is None or values.dtype != np.float32 or np.abs(values).max(initial=0) > LARGEST:
            continue
        half = copy.copy(file.tensors[tensor])
        half.type, half.name = schema.TensorType.FLOAT16, half.name + b"_float16"
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.astype(np.float16).tobytes(), np.uint8)
        file.model.buffers.append(buffer)
        half.buffer = len(file.model.buffers) - 1
        file.tensors.append(half)
        file.tensors[tensor].buffer = 0  # it is computed now
        new.append(flatbuffer.conversion(file.model, schema.BuiltinOperator.DEQUANTIZE, len(file.tensors) - 1, tensor))
    file.graph.operators = [*new, *file.operators]
    return file.without(range(len(file.model.buffers)))
