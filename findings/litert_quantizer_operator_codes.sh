#!/usr/bin/env bash
# OpenVINO cannot read the weight-only int8 files of LiteRT's quantizer: it takes their DEQUANTIZE for an ADD.
#
# A good guess: a file that Google's own quantizer writes and Google's own runtime computes is read by OpenVINO, which
# supports DEQUANTIZE; or it is refused because of int8 weights.
# What happens (litert-quantizer 0.11.0, OpenVINO 2026.4.1): a TFLite file stores the number of an operator in two fields,
# `builtin_code` and the older `deprecated_builtin_code`, and writers are meant to fill in both. The quantizer
# adds operators with the first field alone (`add_op_code` in transformations/transformation_utils.py), so that the second
# is 0, the number of ADD. LiteRT takes the larger one. OpenVINO goes by the second, and fails with "Chosen Builtin Option
# is not accessible for this node", which names neither the operator nor the cause. With the second field filled in,
# OpenVINO reads the file and its result is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    litert-quantizer==0.11.0 ai-edge-litert==2.3.0 openvino==2026.4.1 "numpy<3" > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import openvino
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils
from litert_quantizer import quantizer, recipe

rng = np.random.default_rng(0)
weights, x = rng.normal(size=(32, 64)).astype("float32"), rng.normal(size=(1, 64)).astype("float32")


def tensor(name, shape, buffer=0):
    value = schema.TensorT()
    value.name, value.shape, value.type, value.buffer = name, list(shape), schema.TensorType.FLOAT32, buffer
    return value


def float_file():
    """x (1, 64) -> FULLY_CONNECTED -> y (1, 32), in float32."""
    graph, operator, code, file = schema.SubGraphT(), schema.OperatorT(), schema.OperatorCodeT(), schema.ModelT()
    graph.tensors = [tensor(b"x", x.shape), tensor(b"weights", weights.shape, 1), tensor(b"y", (1, 32))]
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1, -1], [2]
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    graph.operators, graph.inputs, graph.outputs = [operator], [0], [2]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version, file.version, file.subgraphs, file.operatorCodes = 1, 3, [graph], [code]
    file.buffers = [schema.BufferT(), schema.BufferT()]
    file.buffers[1].data = np.frombuffer(weights.tobytes(), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


def codes(file):
    return [(code.builtinCode, code.deprecatedBuiltinCode) for code in file.operatorCodes]


def in_openvino(data):
    """The largest difference from the float result, or the first words of the error."""
    with open(sys.argv[1], "wb") as file:
        file.write(data)
    core = openvino.Core()
    try:
        model = core.read_model(sys.argv[1])
    except RuntimeError as error:
        return "error: " + str(error).strip().splitlines()[-1]
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return float(np.abs(next(iter(compiled(x).values())) - x @ weights.T).max())


quantize = quantizer.Quantizer(float_file())
quantize.load_quantization_recipe(recipe.weight_only_wi8_afp32())
written = bytes(quantize.quantize().quantized_model)
lite = Interpreter(model_content=written)
lite.allocate_tensors()
lite.set_tensor(lite.get_input_details()[0]["index"], x)
lite.invoke()
in_litert = float(np.abs(lite.get_tensor(lite.get_output_details()[0]["index"]) - x @ weights.T).max())
model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(written))
before = codes(model)
for code in model.operatorCodes:
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
repaired = in_openvino(bytes(flatbuffer_utils.convert_object_to_bytearray(model)))
refused = in_openvino(written)
print("litert-quantizer", version("litert-quantizer"), "| OpenVINO", version("openvino"))
print("(builtin_code, deprecated_builtin_code) as written:", before, "and repaired:", codes(model))
print(f"LiteRT: largest difference from float32 {in_litert:.2f}")
print("OpenVINO, as written:", refused)
print(f"OpenVINO, repaired: largest difference from float32 {repaired:.2f}")
assert before == [(9, 9), (6, 0)], "the operator codes are written otherwise now"
assert isinstance(refused, str), "OpenVINO reads the file now"
assert in_litert < 0.5 and repaired < 0.5
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/show.py" "$folder/net.tflite" 2>> "$folder/log" | grep -E "^(litert|\(|LiteRT|OpenVINO)" || { tail -5 "$folder/log"; exit 1; }
