"""Zeros as the bias of every FULLY_CONNECTED in int8 that has none.

The converter leaves out a bias of zeros. OpenVINO 2026.4.1, computing with one thread, then answers wrongly if the file
has two of these operators with a scale for each channel. With zeros the answers of every runtime stay what they were.
"""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.tflite.file import flatbuffer

T = schema.TensorType


def with_biases(data: bytes) -> bytes:
    """The flatbuffer with a bias in every FULLY_CONNECTED of int8 input and weights; unchanged if all have one."""
    model = flatbuffer.read(data)
    changed = False
    for graph in model.subgraphs:
        for operator in graph.operators or ():
            code = model.operatorCodes[operator.opcodeIndex]
            if max(code.builtinCode, code.deprecatedBuiltinCode) != schema.BuiltinOperator.FULLY_CONNECTED:
                continue
            inputs = [int(i) for i in operator.inputs]
            source, weights = (graph.tensors[i] for i in inputs[:2])
            if (len(inputs) < 3 or inputs[2] < 0) and (source.type, weights.type) == (T.INT8, T.INT8):
                graph.tensors.append(_zeros(model, source, weights))
                operator.inputs = [*inputs[:2], len(graph.tensors) - 1]
                changed = True
    return flatbuffer.write(model) if changed else data


def _zeros(model: Any, source: Any, weights: Any) -> Any:
    """A bias of int32 zeros with the scales of the sums."""
    scales = float(source.quantization.scale[0]) * np.asarray(weights.quantization.scale, np.float64)
    buffer = schema.BufferT()
    buffer.data = np.zeros(4 * int(weights.shape[0]), np.uint8)
    model.buffers.append(buffer)
    bias = schema.TensorT()
    bias.name, bias.type, bias.shape = weights.name + b"_zeros", T.INT32, [int(weights.shape[0])]
    bias.buffer = len(model.buffers) - 1
    bias.quantization = schema.QuantizationParametersT()
    bias.quantization.scale, bias.quantization.zeroPoint = scales.astype(np.float32), np.zeros(len(scales), np.int64)
    return bias
