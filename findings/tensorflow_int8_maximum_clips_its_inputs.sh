#!/usr/bin/env bash
# In TensorFlow's int8 files a leaky ReLU written as maximum(x, 0.1 * x) cuts off most of the negative values.
#
# A good guess: in int8, maximum(x, 0.1 * x) is about as exact as tf.nn.leaky_relu(x, 0.1), within a few steps of 255.
# What happens (tensorflow 2.21.0): MAXIMUM and MINIMUM need one scale for their inputs and their output, and the converter
# takes that of the output. So x, which reaches ten times as far below zero as the output, is stored with the range of the
# output. Its lower values are cut off before 0.1 * x is computed from them: negative results end at a tenth of their range.
# maximum(x, -0.5 * x) loses all of x below zero, and minimum(x, 3 * y), with y made of x, is off by most of its range.
# CONCATENATION has the same rule, and there the converter adds what is needed. Nothing warns, and pictures of the calibration
# are as wrong as others. Networks that were written for Darknet's weights often have their leaky ReLU in this form.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tensorflow==2.21.0 > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import numpy as np
import tensorflow as tf

SHAPE = (1, 8, 8, 8)
rng = np.random.default_rng(0)
kernel = tf.constant(rng.normal(size=(1, 1, 8, 8)), tf.float32)
pictures = [rng.normal(size=SHAPE).astype("float32") for _ in range(16)]


def network(activation):
    def function(x):
        return activation(tf.nn.conv2d(x, kernel, 1, "SAME"))

    return tf.function(function, input_signature=[tf.TensorSpec(SHAPE)]).get_concrete_function()


def int8_file(function):
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([picture] for picture in pictures)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return converter.convert()


def compare(activation):
    """(largest error in steps of the output, lowest value in float32, lowest value in int8, operators)."""
    function = network(activation)
    interpreter = tf.lite.Interpreter(model_content=int8_file(function))
    interpreter.allocate_tensors()
    source, end = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    results = []
    for picture in pictures:  # those of the calibration, so that no range is too small
        interpreter.set_tensor(source["index"], picture)
        interpreter.invoke()
        results.append((function(tf.constant(picture)).numpy(), interpreter.get_tensor(end["index"])))
    exact, quantized = (np.concatenate(values) for values in zip(*results, strict=True))
    operators = [row["op_name"] for row in interpreter._get_ops_details() if row["op_name"] != "DELEGATE"]
    step = (exact.max() - exact.min()) / 255
    return np.abs(exact - quantized).max() / step, exact.min(), quantized.min(), " ".join(operators[1:-1])


ACTIVATIONS = {
    "leaky_relu(x, 0.1)": lambda x: tf.nn.leaky_relu(x, 0.1),
    "maximum(x, 0.1 * x)": lambda x: tf.maximum(x, 0.1 * x),
    "maximum(x, -0.5 * x)": lambda x: tf.maximum(x, -0.5 * x),
    "minimum(x, 3 * x[::-1])": lambda x: tf.minimum(x, 3.0 * tf.reverse(x, [1])),
    "concat(x, 0.1 * x)": lambda x: tf.concat([x, 0.1 * x], -1),
}
print("tensorflow", tf.__version__, "| largest error in steps, lowest value in float32 and in int8")
errors = {}
for name, activation in ACTIVATIONS.items():
    errors[name], lowest, in_int8, operators = compare(activation)
    print(f"{name:24} {errors[name]:6.1f}  {lowest:6.2f} {in_int8:6.2f}  {operators}")
assert errors["leaky_relu(x, 0.1)"] < 4 and errors["concat(x, 0.1 * x)"] < 4
assert errors["maximum(x, 0.1 * x)"] > 10, "maximum(x, 0.1 * x) is exact now"
assert errors["maximum(x, -0.5 * x)"] > 50 and errors["minimum(x, 3 * x[::-1])"] > 50
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" -W ignore "$folder/show.py" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
