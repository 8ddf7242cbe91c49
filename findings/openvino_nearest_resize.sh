#!/usr/bin/env bash
# OpenVINO takes other pixels than LiteRT when it resizes a picture with "nearest" in a TFLite file, without an error.
#
# A good guess: OpenVINO computes RESIZE_NEAREST_NEIGHBOR as the file's options say. It does so for `half_pixel_centers` of
# RESIZE_BILINEAR, and its own Interpolate can do it for "nearest", too.
# What happens (OpenVINO 2026.4.1): for "nearest" it ignores `half_pixel_centers`, which tf.image.resize(method="nearest")
# and Keras's Resizing set. Of twelve columns made six, LiteRT takes 1, 3, 5 ... and OpenVINO 0, 2, 4 ... Enlarging by two,
# as UpSampling2D does, is right, since both rules take the same pixels there. A network that resizes features or label maps
# in this way computes with a shifted picture, and only a comparison of its outputs shows it.
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


def tensor(name, shape, kind, buffer=0):
    value = schema.TensorT()
    value.name, value.shape, value.type, value.buffer = name, list(shape), kind, buffer
    return value


def file(operator_name, old, new, half_pixel_centers):
    """x (1, old, old, 1) -> RESIZE_... -> y (1, new, new, 1), in float32."""
    kinds = schema.TensorType
    graph, operator, code, model = schema.SubGraphT(), schema.OperatorT(), schema.OperatorCodeT(), schema.ModelT()
    graph.tensors = [
        tensor(b"x", (1, old, old, 1), kinds.FLOAT32),
        tensor(b"size", (2,), kinds.INT32, 1),
        tensor(b"y", (1, new, new, 1), kinds.FLOAT32),
    ]
    name = {"RESIZE_BILINEAR": "ResizeBilinear", "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighbor"}[operator_name]
    operator.builtinOptions = getattr(schema, f"{name}OptionsT")()
    operator.builtinOptions.halfPixelCenters, operator.builtinOptions.alignCorners = half_pixel_centers, False
    operator.builtinOptionsType = getattr(schema.BuiltinOptions, f"{name}Options")
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1], [2]
    graph.operators, graph.inputs, graph.outputs = [operator], [0], [2]
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, operator_name)
    code.version, model.version, model.subgraphs, model.operatorCodes = 3, 3, [graph], [code]
    model.buffers = [schema.BufferT(), schema.BufferT()]
    model.buffers[1].data = np.frombuffer(np.int32([new, new]).tobytes(), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def results(data, old):
    """One row of what LiteRT and OpenVINO compute of a picture that holds the number of each column."""
    x = np.broadcast_to(np.arange(old, dtype=np.float32)[None, None, :, None], (1, old, old, 1)).copy()
    lite = Interpreter(model_content=data)
    lite.allocate_tensors()
    lite.set_tensor(lite.get_input_details()[0]["index"], x)
    lite.invoke()
    with open(sys.argv[1], "wb") as out:
        out.write(data)
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(sys.argv[1]), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    answer = next(iter(compiled(x).values()))
    return lite.get_tensor(lite.get_output_details()[0]["index"])[0, 0, :, 0], answer[0, 0, :, 0]


print("OpenVINO", version("openvino"), "| LiteRT", version("ai-edge-litert"), "| which columns are taken")
agree = {}
for name, half, old, new in (
    ("RESIZE_NEAREST_NEIGHBOR", True, 12, 6),
    ("RESIZE_NEAREST_NEIGHBOR", True, 12, 4),
    ("RESIZE_NEAREST_NEIGHBOR", True, 6, 9),
    ("RESIZE_NEAREST_NEIGHBOR", True, 6, 12),
    ("RESIZE_NEAREST_NEIGHBOR", False, 12, 6),
    ("RESIZE_BILINEAR", True, 12, 8),
):
    lite, answer = results(file(name, old, new, half), old)
    agree[name, half, old, new] = bool(np.allclose(lite, answer, atol=1e-4))
    print(f"{name}, half_pixel_centers {half}, {old} -> {new}:", "the same" if np.allclose(lite, answer) else "different")
    if not agree[name, half, old, new]:
        print("    LiteRT  ", *lite.astype(int))
        print("    OpenVINO", *answer.astype(int))
assert list(agree.values()) == [False, False, False, True, True, True], "other sizes agree now"
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/show.py" "$folder/net.tflite" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
