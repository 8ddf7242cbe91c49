#!/usr/bin/env bash
# Arm's converter from TFLite to TOSA exits with 0 where it leaves operators of TFLite in its output.
#
# A good guess: a file with an operator that TOSA does not have is refused, since the converter has the message "Could not
# legalize the TFLite model to TOSA" and the exit status 1 for files that it cannot convert.
# What happens (tosa-converter-for-tflite 2026.2.0): CUMSUM stays in the module as "tfl.cumsum", the converter says that
# TOSA was written, and exits with 0. Whoever compiles the module has to look for "tfl." in it first. A LOGISTIC is lowered.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tosa-converter-for-tflite==2026.2.0 ai-edge-litert==2.3.0
cat > "$folder/write.py" <<'PYTHON'
"""cumsum.tflite: x (1, 4) -> CUMSUM along axis 1 -> y; logistic.tflite: x (1, 4) -> LOGISTIC -> y."""
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils


def tensor(name, shape, kind, buffer=0):
    value = schema.TensorT()
    value.name, value.shape, value.type, value.buffer = name, shape, kind, buffer
    return value


for name in ("CUMSUM", "LOGISTIC"):
    graph, operator, code, axis = schema.SubGraphT(), schema.OperatorT(), schema.OperatorCodeT(), schema.BufferT()
    axis.data = np.frombuffer(np.array(1, np.int32).tobytes(), np.uint8)
    kinds = schema.TensorType
    graph.tensors = [tensor(b"x", [1, 4], kinds.FLOAT32), tensor(b"y", [1, 4], kinds.FLOAT32)]
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0], [1]
    if name == "CUMSUM":
        graph.tensors.append(tensor(b"axis", [], kinds.INT32, 1))
        operator.inputs = [0, 2]
        operator.builtinOptions, operator.builtinOptionsType = schema.CumsumOptionsT(), schema.BuiltinOptions.CumsumOptions
        operator.builtinOptions.exclusive = operator.builtinOptions.reverse = False
    graph.operators, graph.inputs, graph.outputs = [operator], [0], [1]
    code.builtinCode = getattr(schema.BuiltinOperator, name)
    code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
    file = schema.ModelT()
    file.version, file.subgraphs, file.operatorCodes = 3, [graph], [code]
    file.buffers = [schema.BufferT(), axis]
    data = bytes(flatbuffer_utils.convert_object_to_bytearray(file))
    interpreter = Interpreter(model_content=data)  # a valid file
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, np.float32([[1, 2, 3, 4]]))
    interpreter.invoke()
    print(f"LiteRT: {name} of 1 2 3 4 is", interpreter.get_tensor(1)[0])
    with open(f"{name.lower()}.tflite", "wb") as out:
        out.write(data)
PYTHON
cd "$folder"
venv/bin/python write.py 2> /dev/null
for name in cumsum logistic; do
    status=0
    venv/bin/tosa-converter-for-tflite "$name.tflite" --text -o "$name.mlir" > log 2>&1 || status=$?
    echo "$name: exit $status: $(tail -1 log)"
    echo "$status $(grep -cE '"tfl\.(cumsum|logistic)"' "$name.mlir" || true)" > "$name.seen"
    grep -E 'tfl\.(cumsum|logistic)|tosa\.sigmoid' "$name.mlir" | sed 's/^ */    /'
done
[ "$(cat cumsum.seen)" = "0 1" ] && [ "$(cat logistic.seen)" = "0 0" ]
