#!/usr/bin/env bash
# TensorFlow's converter writes the operator versions of int8 into an int16x8 file, and TensorFlow Lite 1.5 as its runtime.
#
# A good guess: an operator with int16 activations gets the version that brought them, so that an older runtime refuses the
# file. By TensorFlow's own op_version.cc that is version 4 for CONV_2D, by runtime_version.cc TensorFlow Lite 2.3.0.
# What happens (tensorflow 2.21.0): CONV_2D has version 3, that of int8, and min_runtime_version is 1.5.0, which is even
# older than that of the int8 file of the same network (1.14.0).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0
cat > "$folder/show.py" <<'PYTHON'
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
from importlib.metadata import version

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

OPS = tf.lite.OpsSet


@tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 3))])
def network(x):
    kernel = tf.constant(np.random.default_rng(0).normal(size=(3, 3, 3, 4)), tf.float32)
    return tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME"))


def described(kind):
    """(version of CONV_2D, min_runtime_version) of the quantized network."""
    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    rng = np.random.default_rng(1)
    converter.representative_dataset = lambda: ([rng.uniform(-1, 1, (1, 8, 8, 3)).astype("f4")] for _ in range(8))
    converter.target_spec.supported_ops = [kind]
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(converter.convert()))
    conv = next(code for code in model.operatorCodes if code.builtinCode == schema.BuiltinOperator.CONV_2D)
    release = next(entry for entry in model.metadata if entry.name == b"min_runtime_version")
    return conv.version, bytes(model.buffers[release.buffer].data).rstrip(b"\0").decode()


int8 = described(OPS.TFLITE_BUILTINS_INT8)
int16 = described(OPS.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8)
print("tensorflow", version("tensorflow"))
print("int8    CONV_2D version", int8[0], "min_runtime_version", int8[1])
print("int16x8 CONV_2D version", int16[0], "min_runtime_version", int16[1], "(wanted: at least 4, at least 2.3.0)")
sys.exit(0 if int8 == (3, "1.14.0") and int16 == (3, "1.5.0") else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
