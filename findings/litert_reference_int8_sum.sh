#!/bin/sh
# LiteRT's reference kernel of SUM computes int8 wrongly, where its optimized kernel is right: the reference kernels, which are
# meant to define what an operator means, give numbers that have little to do with the sum. No error is reported. A file that
# TensorFlow's converter makes of one tf.reduce_sum shows it; MEAN of the same picture is right in both.
#
# Sums nine rows of numbers between 0 and 1. Exits with 0 while the optimized kernel is right to a few hundredths, the
# reference kernel is off by more than 1, and MEAN is right in both.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check "tensorflow==2.21.0" "keras==3.15.1" "ai-edge-litert==2.3.0"
cat >"$folder/sums.py" <<'PYTHON'
import sys

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType

KERNELS = {"optimized": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES, "reference": OpResolverType.BUILTIN_REF}


def int8_file(operation, pictures):
    """The bytes of a file that applies `operation` to the rows of a picture; int8 inside, float at its ends."""
    function = tf.function(lambda x: operation(x, 1), input_signature=[tf.TensorSpec((1, 9, 10))])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([picture[None]] for picture in pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return converter.convert()


def answers(file, pictures, kernels):
    network = Interpreter(model_content=file, experimental_op_resolver_type=kernels)
    network.allocate_tensors()
    before, after = network.get_input_details()[0]["index"], network.get_output_details()[0]["index"]
    results = []
    for picture in pictures:
        network.set_tensor(before, picture[None])
        network.invoke()
        results.append(network.get_tensor(after)[0].copy())
    return np.array(results)


print("Python", sys.version.split()[0], "TensorFlow", tf.__version__, "ai-edge-litert 2.3.0")
pictures = np.random.default_rng(0).uniform(0, 1, (64, 9, 10)).astype("float32")
errors = {}
for name, operation, truth in (("SUM", tf.reduce_sum, pictures.sum(1)), ("MEAN", tf.reduce_mean, pictures.mean(1))):
    file = int8_file(operation, pictures)
    for label, kernels in KERNELS.items():
        errors[name, label] = float(np.abs(answers(file, pictures, kernels) - truth).max())
        print(f"{name}, {label} kernels: largest error {errors[name, label]:.3f}, true values to {truth.max():.2f}")
wrong = errors.pop(("SUM", "reference"))
sys.exit(0 if wrong > 1 and max(errors.values()) < 0.05 else 1)
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/sums.py" 2>/dev/null
