"""A product with 1 before the first operator of an int8 file, which copies the picture, for the largest Ethos-U.

The picture lies in slow memory. A convolution reads it there several times, and so does a sum with a number for each
channel; a product with one number reads it once. The copy holds the same integers.
"""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.tflite.file import flatbuffer

OPERATOR, TYPE = schema.BuiltinOperator, schema.TensorType
READERS = (OPERATOR.CONV_2D, OPERATOR.DEPTHWISE_CONV_2D, OPERATOR.PAD, OPERATOR.ADD, OPERATOR.SUB)
ONE = 127  # the integer of 1 with a scale of 1 / 127
MUL_VERSION = 2  # the first with int8


def with_copied_inputs(data: bytes) -> bytes:
    """The flatbuffer with such a product behind each int8 picture that one of `READERS` reads."""
    model = flatbuffer.read(data)
    graph = model.subgraphs[0]
    kinds = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    copied = False
    for index in map(int, graph.inputs):
        readers = [operator for operator in graph.operators if index in operator.inputs]
        source = graph.tensors[index]
        if source.type != TYPE.INT8 or len(source.shape) != 4 or index in graph.outputs:
            continue
        if readers and all(kinds[operator.opcodeIndex] in READERS for operator in readers):
            _copy(model, graph, index, readers)
            copied = True
    return flatbuffer.write(model) if copied else data


def _copy(model: Any, graph: Any, index: int, readers: list[Any]) -> None:
    source = graph.tensors[index]
    one, copy = schema.TensorT(), schema.TensorT()
    for tensor, suffix in ((one, b"_one"), (copy, b"_copy")):
        tensor.name, tensor.type, tensor.shape, tensor.hasRank = source.name + suffix, TYPE.INT8, [], True
        tensor.quantization = schema.QuantizationParametersT()
    one.quantization.scale, one.quantization.zeroPoint = [1 / ONE], [0]
    copy.quantization.scale = list(source.quantization.scale)
    copy.quantization.zeroPoint = list(source.quantization.zeroPoint)
    copy.shape, copy.shapeSignature = list(source.shape), source.shapeSignature
    values = schema.BufferT()
    values.data = np.array([ONE], np.uint8)
    model.buffers.append(values)
    one.buffer = len(model.buffers) - 1
    graph.tensors += [one, copy]
    product = schema.OperatorT()
    product.opcodeIndex, product.inputs = _code(model), [index, len(graph.tensors) - 2]
    product.outputs = [len(graph.tensors) - 1]
    product.builtinOptionsType, product.builtinOptions = schema.BuiltinOptions.MulOptions, schema.MulOptionsT()
    for operator in readers:
        operator.inputs = [len(graph.tensors) - 1 if i == index else i for i in operator.inputs]
    graph.operators.insert(0, product)


def _code(model: Any) -> int:
    """The number of MUL in the table of operators, which gets it where it is missing."""
    for number, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == OPERATOR.MUL:
            code.version = max(code.version, MUL_VERSION)
            return number
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = OPERATOR.MUL
    code.version = MUL_VERSION
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1
