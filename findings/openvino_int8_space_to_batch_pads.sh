#!/usr/bin/env bash
# OpenVINO pads int8 SPACE_TO_BATCH_ND of a TFLite file with the lowest value of the range instead of zero.
#
# A good guess: the padding of an int8 tensor is its zero point, so that it means 0.0, as in LiteRT. OpenVINO does that for
# PAD.
# What happens (OpenVINO 2026.4.1): SPACE_TO_BATCH_ND, with which TensorFlow writes dilated convolutions that it cannot
# fuse, is padded with the integer -128 wherever the zero point is not 0. With values from -.5 to .5 and a zero point of -1
# the border becomes -.5. It is right if the zero point is 0, or -128, where the lowest value is zero, so that files with a
# ReLU before the operator hide the fault. In float32 the results are those of LiteRT.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    ai-edge-litert==2.3.0 openvino==2026.4.1 "numpy<3" > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import openvino
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils

INTS, CODES = schema.TensorType.INT32, schema.BuiltinOperator
SMALL, LARGE = (1, 4, 4, 1), {"SPACE_TO_BATCH_ND": (4, 4, 4, 1), "PAD": (1, 8, 8, 1)}
CONSTANTS = {"SPACE_TO_BATCH_ND": ([2, 2], [[2, 2], [2, 2]]), "PAD": ([[0, 0], [2, 2], [2, 2], [0, 0]],)}


def file(name, zero_point):
    """x (1, 4, 4, 1) of floats -> QUANTIZE -> SPACE_TO_BATCH_ND or PAD, in int8 -> DEQUANTIZE -> y."""
    graph, model = schema.SubGraphT(), schema.ModelT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = [], [], [0], [3]
    model.version, model.subgraphs, model.buffers, model.operatorCodes = 3, [graph], [schema.BufferT()], []
    int8, floats = schema.TensorType.INT8, schema.TensorType.FLOAT32
    constants = [np.array(values, np.int32) for values in CONSTANTS[name]]
    shapes = [(SMALL, floats), (SMALL, int8), (LARGE[name], int8), (LARGE[name], floats)]
    for shape, kind in (*shapes, *((values.shape, INTS) for values in constants)):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = b"%d" % len(graph.tensors), list(shape), kind, 0
        if kind == int8:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [1 / 255], [zero_point]
        if kind == INTS:
            tensor.buffer = len(model.buffers)
            model.buffers.append(schema.BufferT())
            values = constants[len(graph.tensors) - len(shapes)]
            model.buffers[-1].data = np.frombuffer(values.tobytes(), np.uint8)
        graph.tensors.append(tensor)
    more = list(range(4, len(graph.tensors)))
    for number, (kind, inputs) in enumerate((("QUANTIZE", [0]), (name, [1, *more]), ("DEQUANTIZE", [2]))):
        operator, code = schema.OperatorT(), schema.OperatorCodeT()
        operator.opcodeIndex, operator.inputs, operator.outputs = number, inputs, [number + 1]
        code.builtinCode = code.deprecatedBuiltinCode = getattr(CODES, kind)
        code.version = 2 if kind != "QUANTIZE" else 1
        graph.operators.append(operator)
        model.operatorCodes.append(code)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def corners(data, x):
    """The first number of the result, which is padding, in LiteRT and in OpenVINO, and whether the results agree."""
    lite = Interpreter(model_content=data)
    lite.allocate_tensors()
    lite.set_tensor(0, x)
    lite.invoke()
    right = lite.get_tensor(lite.get_output_details()[0]["index"])
    with open(sys.argv[1], "wb") as out:
        out.write(data)
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(sys.argv[1]), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    answer = next(iter(compiled(x).values()))
    return float(right.flat[0]), float(answer.flat[0]), bool(np.abs(right - answer).max() < 0.01)


print("OpenVINO", version("openvino"), "| LiteRT", version("ai-edge-litert"), "| the value of the padding")
agree = {}
for name in ("SPACE_TO_BATCH_ND", "PAD"):
    for zero_point in (-128, -1, 0, 30):
        x = np.random.default_rng(0).uniform(0.1, 0.45, SMALL).astype("float32")
        lite, answer, agree[name, zero_point] = corners(file(name, zero_point), x)
        print(f"{name:17} zero point {zero_point:4}: LiteRT {lite:.3f}, OpenVINO {answer:.3f}")
assert [key for key, same in agree.items() if not same] == [("SPACE_TO_BATCH_ND", z) for z in (-1, 30)], "padding is otherwise now"
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/show.py" "$folder/net.tflite" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
