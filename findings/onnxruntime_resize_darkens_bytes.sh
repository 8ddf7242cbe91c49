#!/usr/bin/env bash
# ONNX Runtime's Resize of uint8 pictures cuts fractions off, so they get darker by half a step; with antialias it rounds.
#
# A good guess: a linear Resize of bytes is the float Resize, rounded to the nearest byte. The attribute `antialias` changes
# nothing where a picture is made larger, as the ONNX specification says that it adds a filter "when downscaling".
# What happens (onnxruntime 1.32.0, CPU): without `antialias` nearly every byte is rounded down, by a cast in
# `UpsampleBilinear` (upsample.h). The mean of a picture falls by half a step, and by two after four Resize in a row. With
# `antialias` another kernel runs, which rounds, so that the attribute changes enlarged pictures, too. A cubic Resize of
# bytes in the usual layout (N, C, H, W) raises an error without `antialias`, and runs with it. Whoever puts the resizing
# of pictures into the file should cast them to float before it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

onnxruntime.set_default_logger_severity(4)
pictures = np.random.default_rng(0).integers(0, 256, (4, 3, 40, 40))
KINDS = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT}


def resize(values, kind, height, mode="linear", antialias=0):
    """A network of one Resize to height x height."""
    shape = [*values.shape[:2], height, height]
    options = {"mode": mode, "antialias": antialias, "coordinate_transformation_mode": "half_pixel"}
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], **options)
    ends = [helper.make_tensor_value_info(name, KINDS[kind], s) for name, s in (("x", values.shape), ("y", shape))]
    sizes = helper.make_tensor("sizes", TensorProto.INT64, [4], shape)
    graph = helper.make_graph([node], "resize", ends[:1], ends[1:], [sizes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": values.astype(kind)})[0]


print("onnxruntime", onnxruntime.__version__, "| uint8 less float32: mean, and share of pixels that float32 rounds to")
mean, exact = {}, {}
for height in (60, 24):
    for antialias in (0, 1):
        in_floats = resize(pictures, "float32", height, antialias=antialias)
        in_bytes = resize(pictures, "uint8", height, antialias=antialias)
        mean[height, antialias] = (in_bytes - in_floats).mean()
        floored = np.mean(in_bytes == np.floor(in_floats + 1e-3))
        exact[height, antialias] = np.mean(in_bytes == np.rint(in_floats))
        print(f"40 -> {height}, antialias={antialias}: {mean[height, antialias]:+.2f}", end=", ")
        print(f"{exact[height, antialias]:.2f} (to its next lower integer: {floored:.2f})")
in_bytes = in_floats = pictures
for height in (44, 48, 52, 56):
    in_floats, in_bytes = resize(in_floats, "float32", height), resize(in_bytes, "uint8", height)
four = (in_bytes - in_floats).mean()
print(f"40 -> 44 -> 48 -> 52 -> 56, antialias=0: {four:+.2f}")
cubic = []
for antialias in (0, 1):
    try:
        resize(pictures, "uint8", 60, "cubic", antialias)
        cubic.append("runs")
    except Exception as error:
        cubic.append(type(error).__name__)
print("cubic in uint8 without and with antialias:", *cubic)
assert max(mean[60, 0], mean[24, 0]) < -0.4 and four < -1.5, "bytes are rounded now"
assert min(mean[60, 1], mean[24, 1]) > -0.1, "with antialias bytes are rounded down now"
assert cubic == ["Fail", "runs"], "cubic resizing of bytes is treated otherwise now"
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/show.py" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
