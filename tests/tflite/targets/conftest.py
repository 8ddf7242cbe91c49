"""Small `.tflite` files to look at, made without a model: two operators, written as a flatbuffer."""

import json

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.support.errors import NotInstalled
from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.targets import litert_js
from keras_cnns.tflite.targets.chromium import find_chromium


def installed_browser():
    """Whether Chromium and LiteRT.js are installed."""
    try:
        return bool(litert_js.find_litert_js() and find_chromium())
    except NotInstalled:
        return False


def empty_package(folder):
    """Makes `folder` a node_modules with files of the names of LiteRT.js, and nothing in them; returns it."""
    for name in litert_js.FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (folder / litert_js.CORE / "package.json").write_text(json.dumps({"version": "9.9.9"}))
    return folder


def tensor(name, shape, kind="FLOAT32", buffer=0, scale=None, zero=0):
    result = schema.TensorT()
    result.name, result.shape, result.type, result.buffer = (
        name.encode(),
        list(shape),
        getattr(schema.TensorType, kind),
        buffer,
    )
    if scale is not None:
        result.quantization = schema.QuantizationParametersT()
        result.quantization.scale, result.quantization.zeroPoint = [scale], [zero]
    return result


def operator(code, inputs, outputs, options=None):
    result = schema.OperatorT()
    result.opcodeIndex, result.inputs, result.outputs = code, list(inputs), list(outputs)
    if options is not None:
        result.builtinOptions = options
        result.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
    return result


def operator_code(name, version=1, custom=None):
    result = schema.OperatorCodeT()
    result.builtinCode = getattr(schema.BuiltinOperator, name)
    result.deprecatedBuiltinCode = min(result.builtinCode, 127)
    result.version, result.customCode = version, custom
    return result


def buffer(values=None):
    result = schema.BufferT()
    result.data = None if values is None else np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    return result


def dense_model():
    """x (1, 4) -> FULLY_CONNECTED -> SOFTMAX -> (1, 3), in floats, as a `schema.ModelT`."""
    rng = np.random.default_rng(0)
    graph = schema.SubGraphT()
    weights, bias = rng.normal(size=(3, 4)).astype("f4"), rng.normal(size=3).astype("f4")
    graph.tensors = [
        tensor("x", (1, 4)),
        tensor("weights", (3, 4), buffer=1),
        tensor("bias", (3,), buffer=2),
        tensor("logits", (1, 3)),
        tensor("scores", (1, 3)),
    ]
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 1.0
    graph.operators = [
        operator(0, [0, 1, 2], [3], schema.FullyConnectedOptionsT()),
        operator(1, [3], [4], softmax),
    ]
    graph.inputs, graph.outputs = [0], [4]
    model = schema.ModelT()
    model.version, model.subgraphs = 3, [graph]
    model.operatorCodes = [operator_code("FULLY_CONNECTED"), operator_code("SOFTMAX")]
    model.buffers = [buffer(), buffer(weights), buffer(bias)]
    return model


def cumsum_model():
    """x (1, 4) -> CUMSUM along axis 1 -> (1, 4), in floats, as a `schema.ModelT`."""
    graph, options = schema.SubGraphT(), schema.CumsumOptionsT()
    options.exclusive = options.reverse = False
    graph.tensors = [tensor("x", (1, 4)), tensor("axis", (), "INT32", buffer=1), tensor("sums", (1, 4))]
    graph.operators = [operator(0, [0, 1], [2], options)]
    graph.inputs, graph.outputs = [0], [2]
    model = schema.ModelT()
    model.version, model.subgraphs, model.operatorCodes = 3, [graph], [operator_code("CUMSUM")]
    model.buffers = [buffer(), buffer(np.array(1, np.int32))]
    return model


def nearest_resize_model(old, new, *, half_pixel_centers=True, align_corners=False):
    """x (1, old, old, 3) -> RESIZE_NEAREST_NEIGHBOR -> (1, new, new, 3), in floats, as a `schema.ModelT`."""
    graph, options = schema.SubGraphT(), schema.ResizeNearestNeighborOptionsT()
    options.halfPixelCenters, options.alignCorners = half_pixel_centers, align_corners
    size = tensor("size", (2,), "INT32", buffer=1)
    graph.tensors = [tensor("x", (1, old, old, 3)), size, tensor("y", (1, new, new, 3))]
    graph.operators = [operator(0, [0, 1], [2], options)]
    graph.inputs, graph.outputs = [0], [2]
    model = schema.ModelT()
    model.version, model.subgraphs = 3, [graph]
    model.operatorCodes = [operator_code("RESIZE_NEAREST_NEIGHBOR", version=3)]
    model.buffers = [buffer(), buffer(np.full(2, new, np.int32))]
    return model


@pytest.fixture
def dense_file(tmp_path):
    path = tmp_path / "dense.tflite"
    path.write_bytes(flatbuffer.write(dense_model()))
    return path


@pytest.fixture
def rows():
    """Three inputs of `dense_file`."""
    return np.random.default_rng(1).normal(size=(3, 4)).astype("f4")
