#!/usr/bin/env bash
# One float HARD_SWISH anywhere in a file ends Vela's compilation; every other float operator is left to the CPU.
#
# A good guess: Vela leaves to the CPU what an Ethos-U cannot run, as SUPPORTED_OPS.md says of operators that do not meet
# the constraints, and names the reason in a warning. That is what it does with a float LOGISTIC, RELU6 or TANH.
# What happens (ethos-u-vela 5.2.0): for HARD_SWISH the type of the input is checked while the file is read, and the
# compilation fails with "IFM has to be 8bit". A MobileNetV3 with one block left in float compiles only without that
# operator.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ethos-u-vela==5.2.0 ai-edge-litert==2.3.0
cat > "$folder/write.py" <<'PYTHON'
"""NAME.tflite: x (1, 8, 8, 4) of floats -> NAME -> y."""
import sys

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils

for name in sys.argv[1:]:
    graph = schema.SubGraphT()
    for tensor in (b"x", b"y"):
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = tensor, [1, 8, 8, 4], schema.TensorType.FLOAT32, 0
        graph.tensors = [*(graph.tensors or []), made]
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0], [1]
    graph.operators, graph.inputs, graph.outputs = [operator], [0], [1]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
    code.version = 1
    file = schema.ModelT()
    file.version, file.subgraphs, file.operatorCodes, file.buffers = 3, [graph], [code], [schema.BufferT()]
    data = bytes(flatbuffer_utils.convert_object_to_bytearray(file))
    Interpreter(model_content=data).allocate_tensors()  # a valid file
    with open(f"{name}.tflite", "wb") as out:
        out.write(data)
PYTHON
cd "$folder"
venv/bin/python write.py HARD_SWISH LOGISTIC RELU6 TANH 2> /dev/null
echo "vela $(venv/bin/vela --version)"
failures=""
for name in HARD_SWISH LOGISTIC RELU6 TANH; do
    status=0
    venv/bin/vela "$name.tflite" --accelerator-config ethos-u55-128 --output-dir out > log 2>&1 || status=$?
    [ "$status" = 0 ] || failures="$failures$name "
    echo "float $name: exit $status: $(grep -m1 -E 'Compilation failed|IFM has|Reason' log || true)"
done
[ "$failures" = "HARD_SWISH " ]
