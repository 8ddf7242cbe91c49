"""A bias that is not zero for every FULLY_CONNECTED in int8, for OpenVINO.

OpenVINO 2026.4.1, computing with one thread, answers wrongly if a file has two of these operators with a scale for each
channel and one of them has no bias, or one of zeros, which OpenVINO removes. The bias written here is 1 in one channel,
the smallest step of its sums: a thousandth of a step of the result, or less.
"""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.tflite.file import flatbuffer

T = schema.TensorType


def with_biases(data: bytes) -> bytes:
    """The flatbuffer with such a bias where input and weights are int8 and the bias is missing or zero."""
    model = flatbuffer.read(data)
    changed = False
    for graph in model.subgraphs:
        for operator in graph.operators or ():
            code = model.operatorCodes[operator.opcodeIndex]
            if max(code.builtinCode, code.deprecatedBuiltinCode) != schema.BuiltinOperator.FULLY_CONNECTED:
                continue
            inputs = [int(i) for i in operator.inputs]
            source, weights = (graph.tensors[i] for i in inputs[:2])
            bias = graph.tensors[inputs[2]] if len(inputs) > 2 and inputs[2] >= 0 else None
            if (source.type, weights.type) == (T.INT8, T.INT8) and (bias is None or _is_zero(model, bias)):
                graph.tensors.append(_bias(model, source, weights))
                operator.inputs = [*inputs[:2], len(graph.tensors) - 1]
                changed = True
    return flatbuffer.write(model) if changed else data


def _is_zero(model: Any, bias: Any) -> bool:
    values = model.buffers[bias.buffer].data
    return values is not None and len(values) > 0 and not np.any(values)


def _bias(model: Any, source: Any, weights: Any) -> Any:
    """A bias of int32 with the scales of the sums: zeros, but for the channel of the smallest scale."""
    scales = float(source.quantization.scale[0]) * np.asarray(weights.quantization.scale, np.float64)
    values = np.zeros(int(weights.shape[0]), np.int32)
    values[int(np.argmin(scales))] = 1
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    bias = schema.TensorT()
    bias.name, bias.type, bias.shape = weights.name + b"_bias", T.INT32, [len(values)]
    bias.buffer = len(model.buffers) - 1
    bias.quantization = schema.QuantizationParametersT()
    bias.quantization.scale, bias.quantization.zeroPoint = scales.astype(np.float32), np.zeros(len(scales), np.int64)
    return bias
