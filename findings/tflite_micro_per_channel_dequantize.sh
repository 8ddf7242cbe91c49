#!/usr/bin/env bash
# tflite-micro's DEQUANTIZE runs weights that have a scale for each channel, and uses the first scale for all of them.
#
# A good guess: a kernel that knows only one scale refuses a tensor with several, as it refuses float16 and int4 weights.
# TensorFlow Lite has per-channel DEQUANTIZE since operator version 5, and AI Edge Quantizer's weight-only int8 files
# begin with it.
# What happens (tflite-micro 0.dev20261023182759): AllocateTensors and Invoke succeed, also at operator version 5, and
# every channel but the first is multiplied by the wrong scale: the network answers nonsense without an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    ai-edge-litert==2.3.0 tflite-micro==0.dev20261023182759 "numpy<3"
cat > "$folder/show.py" <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils
from tflite_micro.python.tflite_micro import runtime

WEIGHTS = np.array([[10, 20], [10, 20], [10, 20]], np.int8)
SCALES = [0.1, 1.0, 10.0]  # one for each row


def tensor(name, shape, kind, buffer=0):
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer = name, list(shape), kind, buffer
    return made


def operator(code, inputs, outputs):
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = code, inputs, outputs
    return made


def code(kind, number):
    made = schema.OperatorCodeT()
    made.builtinCode = made.deprecatedBuiltinCode = kind
    made.version = number
    return made


def model():
    """x (1, 2) -> FULLY_CONNECTED with DEQUANTIZE(weights (3, 2)) -> y (1, 3)."""
    graph, kinds, ops = schema.SubGraphT(), schema.TensorType, schema.BuiltinOperator
    weights = tensor(b"weights", (3, 2), kinds.INT8, 1)
    weights.quantization = schema.QuantizationParametersT()
    weights.quantization.scale, weights.quantization.zeroPoint = SCALES, [0, 0, 0]
    graph.tensors = [
        tensor(b"x", (1, 2), kinds.FLOAT32),
        weights,
        tensor(b"floats", (3, 2), kinds.FLOAT32),
        tensor(b"bias", (3,), kinds.FLOAT32, 2),
        tensor(b"y", (1, 3), kinds.FLOAT32),
    ]
    dense = operator(1, [0, 2, 3], [4])
    dense.builtinOptions = schema.FullyConnectedOptionsT()
    dense.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    graph.operators, graph.inputs, graph.outputs = [operator(0, [1], [2]), dense], [0], [4]
    file = schema.ModelT()
    file.version, file.subgraphs = 3, [graph]
    file.operatorCodes = [code(ops.DEQUANTIZE, 5), code(ops.FULLY_CONNECTED, 1)]
    file.buffers = [schema.BufferT() for _ in range(3)]
    file.buffers[1].data = np.frombuffer(WEIGHTS.tobytes(), np.uint8)
    file.buffers[2].data = np.zeros(12, np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


data, x = model(), np.ones((1, 2), np.float32)
lite = Interpreter(model_content=data)
lite.allocate_tensors()
lite.set_tensor(lite.get_input_details()[0]["index"], x)
lite.invoke()
right = lite.get_tensor(lite.get_output_details()[0]["index"])
micro = runtime.Interpreter.from_bytes(data, arena_size=100_000)
micro.set_input(x, 0)
micro.invoke()
answer = micro.get_output(0)
print("by hand     ", (WEIGHTS * np.array(SCALES)[:, None]).sum(1))
print("LiteRT      ", right[0], version("ai-edge-litert"))
print("tflite-micro", answer[0], version("tflite-micro"))
first_scale_for_all = (WEIGHTS * SCALES[0]).sum(1)
sys.exit(0 if np.allclose(right[0], [3, 30, 300]) and np.allclose(answer[0], first_scale_for_all) else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
