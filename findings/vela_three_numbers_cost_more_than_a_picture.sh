#!/usr/bin/env bash
# On Ethos-U55, a product with one number for each channel takes 16 times as long as with the numbers repeated per pixel.
#
# A good guess: multiplying a picture by three numbers, one for each channel, is as fast as multiplying it by a constant
# picture that holds the same numbers at every pixel, or faster, as there is less to read.
# What happens (ethos-u-vela 5.2.0, its estimate for ethos-u55-128, picture of 96 x 96 x 3): MUL with a constant of shape
# (3,) takes 442,368 cycles, with the same constant written out to (1, 96, 96, 3), 27 kB of flash, 27,648. A depthwise
# 1x1 convolution with the three numbers takes as few, and none of the flash. For the broadcast constant Vela counts a read
# of 16 bytes from flash for each number of the result. The two products give the same bytes in LiteRT. Subtracting a mean
# for each channel costs even more, so that a network which normalizes its own input can spend most of its time there.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    ethos-u-vela==5.2.0 ai-edge-litert==2.3.0 "numpy<3" > "$folder/log" 2>&1
cat > "$folder/write.py" <<'PYTHON'
"""NAME.tflite: x (1, 96, 96, 3) in int8 -> MUL by a constant, or DEPTHWISE_CONV_2D -> y, all in int8."""
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils

SIDE, STEP, NUMBERS = 96, 1 / 128 / 128, np.array([127, 90, 60], np.int8)
SHAPE = (1, SIDE, SIDE, 3)
INT8, INT32 = schema.TensorType.INT8, schema.TensorType.INT32


def tensor(model, shape, kind, scale, zero_point, values=None, axis=0):
    value = schema.TensorT()
    value.name, value.shape, value.type, value.buffer = b"%d" % len(model.subgraphs[0].tensors), list(shape), kind, 0
    value.quantization = schema.QuantizationParametersT()
    value.quantization.scale, value.quantization.zeroPoint = list(scale), [zero_point] * len(scale)
    value.quantization.quantizedDimension = axis
    if values is not None:
        value.buffer = len(model.buffers)
        model.buffers.append(schema.BufferT())
        model.buffers[-1].data = np.frombuffer(values.tobytes(), np.uint8)
    model.subgraphs[0].tensors.append(value)
    return len(model.subgraphs[0].tensors) - 1


def write(name, constant):
    model, graph, operator, code = schema.ModelT(), schema.SubGraphT(), schema.OperatorT(), schema.OperatorCodeT()
    graph.tensors, model.subgraphs, model.buffers, model.version = [], [graph], [schema.BufferT()], 3
    x = tensor(model, SHAPE, INT8, [1.0], -128)
    if constant is None:
        code.builtinCode, code.version = schema.BuiltinOperator.DEPTHWISE_CONV_2D, 3
        weights = tensor(model, (1, 1, 1, 3), INT8, [STEP] * 3, 0, NUMBERS, axis=3)
        operator.inputs = [x, weights, tensor(model, (3,), INT32, [STEP] * 3, 0, np.zeros(3, np.int32))]
        options = operator.builtinOptions = schema.DepthwiseConv2DOptionsT()
        options.strideW = options.strideH = options.depthMultiplier = 1
        options.dilationWFactor = options.dilationHFactor = 1
        operator.builtinOptionsType = schema.BuiltinOptions.DepthwiseConv2DOptions
    else:
        code.builtinCode, code.version = schema.BuiltinOperator.MUL, 2
        operator.inputs = [x, tensor(model, constant.shape, INT8, [STEP], 0, constant)]
        operator.builtinOptions, operator.builtinOptionsType = schema.MulOptionsT(), schema.BuiltinOptions.MulOptions
    code.deprecatedBuiltinCode, operator.opcodeIndex = code.builtinCode, 0
    operator.outputs = [tensor(model, SHAPE, INT8, [1 / 64], -128)]
    graph.operators, graph.inputs, graph.outputs, model.operatorCodes = [operator], [x], operator.outputs, [code]
    data = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    with open(f"{name}.tflite", "wb") as file:
        file.write(data)
    interpreter = Interpreter(model_content=data)  # a valid file
    interpreter.allocate_tensors()
    picture = np.random.default_rng(0).integers(-128, 128, SHAPE).astype(np.int8)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).astype(int)


results = [write("three_numbers", NUMBERS), write("picture", np.broadcast_to(NUMBERS, SHAPE).copy())]
results.append(write("depthwise", None))
assert np.array_equal(*results[:2]) and np.abs(results[2] - results[0]).max() <= 1, "the files compute the same"
PYTHON
cat > "$folder/show.py" <<'PYTHON'
import csv
import glob
from importlib.metadata import version

print("ethos-u-vela", version("ethos-u-vela"), "| estimated cycles on ethos-u55-128")
cycles = {}
for name in ("three_numbers", "picture", "depthwise"):
    with open(glob.glob(f"out/{name}_summary_*.csv")[0]) as file:
        row = next(csv.DictReader(file))
    cycles[name] = round(float(row["inference_time"]) * float(row["core_clock"]))
    print(f"{name:13} {cycles[name]:>8,}")
assert cycles["three_numbers"] > 10 * max(cycles["picture"], cycles["depthwise"]), "the cost has changed"
PYTHON
cd "$folder"
venv/bin/python write.py 2>> log || { tail -5 log; exit 1; }
for name in three_numbers picture depthwise; do
    venv/bin/vela "$name.tflite" --accelerator-config ethos-u55-128 --output-dir out >> log 2>&1
done
venv/bin/python show.py 2>> log || { tail -5 log; exit 1; }
