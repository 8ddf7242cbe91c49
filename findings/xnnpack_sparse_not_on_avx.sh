#!/usr/bin/env bash
# XNNPACK has kernels for sparse weights and does not use them on x86 processors with AVX, which its documents do not say.
#
# A good guess: a network built as the XNNPACK delegate's README asks (section "Sparse Inference": a 3x3 convolution of
# stride 2, 1x1 convolutions with more than two thirds of zeros, a mean), converted with
# tf.lite.Optimize.EXPERIMENTAL_SPARSITY, runs faster than the same network with dense weights.
# What happens (ai-edge-litert 2.3.0, TensorFlow 2.21.0): on x86-64 with AVX the sparse file is smaller and not faster,
# at 90 % zeros. `xnn_is_chw_compatible_config` in XNNPACK's hardware-config.h refuses these processors, because its
# sparse kernels for x86 are written for SSE only. On Arm and in WebAssembly it does use them: the same kind of file is
# computed in half the time in Chromium on the same machine.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 ai-edge-litert==2.3.0 > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import platform
import time
from pathlib import Path

import ai_edge_litert
import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
if platform.machine() != "x86_64" or " avx " not in flags:
    print("this processor is no x86-64 with AVX: XNNPACK may use its sparse kernels here")
    raise SystemExit(0)
keras.utils.set_random_seed(0)
layers = keras.layers
x = image = keras.Input((112, 112, 3))
x = layers.Conv2D(128, 3, 2, activation="relu")(layers.ZeroPadding2D(1)(x))
for _ in range(6):
    x = layers.Conv2D(128, 1, activation="relu")(x)
model = keras.Model(image, layers.GlobalAveragePooling2D()(x))
for layer in model.layers:
    if getattr(layer, "kernel_size", None) == (1, 1):
        kernel = layer.kernel.numpy()
        layer.kernel.assign(np.where(np.abs(kernel) < np.quantile(np.abs(kernel), 0.9), 0, kernel))
interpreters = {}
for kind in ("dense", "sparse"):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if kind == "sparse":
        converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    data = converter.convert()
    interpreter = interpreters[kind] = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    names = [detail["op_name"] for detail in interpreter._get_ops_details()]
    print(f"{kind}: {len(data):,} bytes, {names.count('DENSIFY')} DENSIFY")
best = dict.fromkeys(interpreters, float("inf"))
for run in range(150):
    for kind, interpreter in interpreters.items():
        start = time.perf_counter()
        interpreter.invoke()
        best[kind] = min(best[kind], time.perf_counter() - start)
ratio = best["sparse"] / best["dense"]
print(f"ai-edge-litert {ai_edge_litert.__version__}, 90 % zeros: sparse / dense time {ratio:.2f}")
assert ratio > 0.8, "the sparse kernels are used on this processor now"
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" -W ignore "$folder/show.py" 2>> "$folder/log" | grep -E "^(dense|sparse|ai-edge|this)" || { tail -5 "$folder/log"; exit 1; }
