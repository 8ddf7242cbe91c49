"""The version that each operator of a file needs, and the oldest TensorFlow Lite runtime that supports them all.

A runtime that is too old refuses an operator by its version. If the version in the file is too low, the runtime uses
kernels that do not know the operator's types, and answers nonsense without an error. The quantizer keeps the versions
of the float32 file. The facts are from TensorFlow's op_version.cc and runtime_version.cc
(tensorflow/compiler/mlir/lite/tools/versioning).
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.file.runtime_versions import OLDEST_RUNTIME

T = schema.TensorType
KINDS = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
LAST_OLD_CODE = 127  # of the field that runtimes before 2.4 read; larger codes have this in it

# Operator -> {type of its first input: version}; 1 for every other type. Operators of one line are alike.
BY_TYPE = {
    "AVERAGE_POOL_2D MAX_POOL_2D SOFTMAX MEAN MIRROR_PAD REDUCE_MAX REDUCE_MIN RELU6 RSQRT LOGISTIC TANH": {
        T.INT8: 2,
        T.INT16: 3,
    },
    "CONCATENATION": {T.INT8: 2, T.INT16: 3, T.UINT32: 4, T.INT4: 5},
    "PAD PADV2": {T.INT8: 2, T.INT16: 3, T.BOOL: 5},
    "RELU": {T.INT8: 2, T.UINT8: 2, T.INT16: 3},
    "PACK": {T.INT8: 2, T.INT16: 3, T.UINT32: 4},
    "UNPACK": {T.INT8: 2, T.UINT8: 2, T.BOOL: 3, T.INT16: 4},
    "TRANSPOSE": {T.INT8: 2, T.BOOL: 3, T.INT16: 5, T.INT4: 7},
    "SLICE": {T.INT8: 2, T.STRING: 3, T.INT16: 4, T.UINT32: 6, T.INT4: 7},
    "STRIDED_SLICE": {T.INT8: 2, T.BOOL: 3, T.STRING: 5, T.UINT32: 7},
    "GATHER": {T.INT8: 2, T.BOOL: 3, T.INT16: 4, T.INT4: 7},
    "TILE": {T.STRING: 2, T.INT8: 3},
    "REVERSE_V2": {T.BOOL: 2, T.INT8: 3},
    "RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR MAXIMUM MINIMUM SPACE_TO_BATCH_ND BATCH_TO_SPACE_ND": {
        T.INT8: 2,
        T.INT16: 4,
    },
    "ADD": {T.INT8: 2, T.INT16: 3, T.INT64: 4},
    "SUB": {T.INT8: 2, T.INT64: 4, T.INT16: 5},
    "MUL": {T.INT8: 2, T.INT16: 4, T.INT64: 5, T.UINT32: 7},
    "BATCH_MATMUL": {T.INT8: 2, T.INT16: 3},
    "LEAKY_RELU": {T.INT16: 2},
    "EXP LOG SQRT REDUCE_PROD": {T.INT8: 2, T.INT16: 2},
    "L2_NORMALIZATION SPACE_TO_DEPTH DEPTH_TO_SPACE SPLIT_V SUM LOG_SOFTMAX SQUARED_DIFFERENCE GREATER LESS_EQUAL": {
        T.INT8: 2,
    },
    "ARG_MAX ARG_MIN": {T.INT8: 2, T.BOOL: 3},
    "LESS GREATER_EQUAL TOPK_V2": {T.INT8: 2, T.INT16: 3},
    "GELU": {T.INT8: 2, T.UINT8: 2},
    "DEQUANTIZE": {T.INT8: 2, T.INT16: 3, T.FLOAT16: 3, T.INT4: 6},
}
BY_OPERATOR = {name: types for names, types in BY_TYPE.items() for name in names.split()}
# Operator -> ((dimensions of the first input, version from which so many are known), ...)
BY_DIMENSIONS = {"PAD": ((5, 4),), "PADV2": ((5, 4),), "TRANSPOSE": ((5, 4), (6, 6), (7, 8)), "SLICE": ((5, 5),)}
# Operator -> version by the types of input, weights and output
HYBRID, INT8, INT8_INT4, INT16 = "float with int8 weights", "int8", "int8 with int4 weights", "int16"
WEIGHTED = {
    "CONV_2D": {HYBRID: 2, INT8: 3, INT8_INT4: 7, INT16: 4},
    "DEPTHWISE_CONV_2D": {HYBRID: 4, INT8: 3, INT8_INT4: 7, INT16: 5},
    "FULLY_CONNECTED": {HYBRID: 3, INT8: 4, INT8_INT4: 10, INT16: 7},
}
PER_CHANNEL_HYBRID = {"CONV_2D": 5, "DEPTHWISE_CONV_2D": 6, "FULLY_CONNECTED": 12}
BIAS_TYPE = {"CONV_2D": 8, "FULLY_CONNECTED": 11, "TRANSPOSE_CONV": 5}  # int16 with a bias type of its own


def declared(data: bytes) -> bytes:
    """The flatbuffer with the codes and versions that its operators need, and the oldest runtime that supports them.

    A higher version in the file is kept.
    """
    model = flatbuffer.read(data)
    declare(model)
    return flatbuffer.write(model)


def declare(model: schema.ModelT) -> None:
    """`declared` for a flatbuffer that was read already, which is changed."""
    codes: list[Any] = []
    places: dict[tuple, int] = {}
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            kind = max(code.builtinCode, code.deprecatedBuiltinCode)
            inputs = [graph.tensors[i] if i >= 0 else None for i in operator.inputs]
            outputs = [graph.tensors[i] for i in operator.outputs if i >= 0]
            version = required_version(KINDS[kind], inputs, outputs, operator.builtinOptions)
            key = (kind, code.customCode, max(version, code.version or 1))
            if key not in places:
                places[key] = len(codes)
                code = copy.copy(code)
                code.builtinCode, code.deprecatedBuiltinCode, code.version = kind, min(kind, LAST_OLD_CODE), key[2]
                codes.append(code)
            operator.opcodeIndex = places[key]
    model.operatorCodes = codes
    _declare_runtime(model, oldest_runtime((KINDS[c.builtinCode], c.version) for c in codes))


def required_version(name: str, inputs: Sequence[Any], outputs: Sequence[Any], options: Any = None) -> int:
    """The lowest version of a built-in operator that supports these tensors.

    Args:
      name: of the operator, such as "CONV_2D".
      inputs, outputs: its tensors (`schema.TensorT`); None for an input that is left out.
      options: its `builtinOptions`.
    """
    if not inputs or not outputs:
        return 1
    if name in WEIGHTED:
        return _weighted(name, inputs, outputs, options)
    if name == "TRANSPOSE_CONV":
        return _transposed(inputs, outputs, options)
    if name == "SPLIT":  # its first input is the axis
        return {T.INT8: 2, T.INT32: 3, T.INT16: 4}.get(inputs[1].type, 1)
    if name == "QUANTIZE":
        return _quantize(inputs[0], outputs[0])
    if name == "DEQUANTIZE" and inputs[0].type == T.INT8 and _per_channel(inputs[0]):
        return 5
    version = BY_OPERATOR.get(name, {}).get(inputs[0].type, 1)
    if name == "MUL" and inputs[0].type == T.INT8 and _rescales_up(inputs, outputs[0]):
        version = 3
    if getattr(options, "halfPixelCenters", False) and name.startswith("RESIZE"):
        version = max(version, 3)
    dimensions = 0 if inputs[0].shape is None else len(inputs[0].shape)
    return max([version, *(v for least, v in BY_DIMENSIONS.get(name, ()) if dimensions >= least)])


def oldest_runtime(operators: Any) -> str:
    """The first release of TensorFlow Lite that supports all of (operator, version), such as "2.3.0"."""
    releases = ["1.5.0"]
    for name, version in operators:
        known = OLDEST_RUNTIME.get(name, ())
        releases += known[version - 1 : version]
    return max(releases, key=lambda release: [int(part) for part in release.split(".")])


def _weighted(name: str, inputs: Sequence[Any], outputs: Sequence[Any], options: Any) -> int:
    version, (x, weights, *_), y = 1, inputs, outputs[0]
    types = (x.type, weights.type, y.type)
    if types == (T.FLOAT32, T.INT8, T.FLOAT32):
        version = PER_CHANNEL_HYBRID[name] if _per_channel(weights) else WEIGHTED[name][HYBRID]
    elif types == (T.INT8, T.INT8, T.INT8):
        version = WEIGHTED[name][INT8]
    elif types == (T.INT8, T.INT4, T.INT8):
        version = WEIGHTED[name][INT8_INT4]
    elif x.type == y.type == T.INT16:
        version = WEIGHTED[name][INT16]
        if getattr(options, "quantizedBiasType", 0):
            version = BIAS_TYPE.get(name, version)
    if name == "DEPTHWISE_CONV_2D" and max(options.dilationWFactor or 1, options.dilationHFactor or 1) > 1:
        version = max(version, 2)
    if name == "FULLY_CONNECTED":
        version = max(version, 6 if len(inputs) == 2 else 1, 5 if options.keepNumDims else 1)
    if name == "CONV_2D" and _is_grouped(x, weights):
        version = max(version, 6)
    return version


def _transposed(inputs: Sequence[Any], outputs: Sequence[Any], options: Any) -> int:
    version = 3 if len(inputs) == 4 and inputs[3] is not None else 2 if inputs[1].type == T.INT8 else 1
    if getattr(options, "fusedActivationFunction", 0):
        version = 4
    if outputs[0].type == T.INT16 and getattr(options, "quantizedBiasType", 0):
        version = BIAS_TYPE["TRANSPOSE_CONV"]
    return version


def _quantize(x: Any, y: Any) -> int:
    if T.INT4 in (x.type, y.type):
        return 4
    if _per_channel(y):
        return 3
    return 2 if y.type == T.INT16 else 1


def _per_channel(tensor: Any) -> bool:
    scales = None if tensor.quantization is None else tensor.quantization.scale
    return scales is not None and len(scales) > 1


def _is_grouped(x: Any, weights: Any) -> bool:
    shapes = x.shape, weights.shape
    return all(shape is not None and len(shape) == 4 for shape in shapes) and shapes[0][3] != shapes[1][3]


def _rescales_up(inputs: Sequence[Any], output: Any) -> bool:
    """Whether the product's scale is at least the output's, which kernels before version 3 could not do."""
    tensors = (*inputs[:2], output)
    if len(tensors) < 3 or any(t.quantization is None or t.quantization.scale is None for t in tensors):
        return False
    a, b, y = (float(t.quantization.scale[0]) for t in tensors)
    return a * b >= y


def _declare_runtime(model: Any, release: str) -> None:
    """Writes the release into the file's metadata `min_runtime_version`, 16 bytes, where it has that."""
    for entry in model.metadata or []:
        if entry.name == b"min_runtime_version":
            buffer = copy.copy(model.buffers[entry.buffer])
            buffer.data = np.frombuffer(release.encode().ljust(16, b"\0"), np.uint8)
            model.buffers[entry.buffer] = buffer
