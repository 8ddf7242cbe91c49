#!/usr/bin/env bash
# TensorFlow's converter drops a ReLU (and ReLU6, and maximum(x, 0)) behind a product of two computed 2-D matrices.
#
# A good guess: the converter fuses an activation into the operator before it only if that operator has a field for it,
# and else keeps it as an operator of its own.
# What happens (tensorflow 2.21.0): tf.matmul(a, b) of two inputs becomes BATCH_MATMUL, which has no such field, and the
# ReLU behind it is gone: the file answers negative numbers. A reshape, + 0.0 or * 1.0 in between changes nothing. With a
# third axis on both matrices RELU stays an operator, and the answers are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0
cat > "$folder/show.py" <<'PYTHON'
import numpy as np
import tensorflow as tf

a = np.array([[1, 2], [-3, 4]], "float32")
b = np.array([[1, -1], [1, -2]], "float32")


def converted(f):
    """(operators, answer) of the file that is made of f."""
    specs = [tf.TensorSpec((2, 2), name="a"), tf.TensorSpec((2, 2), name="b")]
    function = tf.function(f, input_signature=specs).get_concrete_function()
    data = tf.lite.TFLiteConverter.from_concrete_functions([function]).convert()
    interpreter = tf.lite.Interpreter(model_content=data)
    interpreter.allocate_tensors()
    for tensor in interpreter.get_input_details():
        interpreter.set_tensor(tensor["index"], a if tensor["name"].split(":")[0].endswith("a") else b)
    interpreter.invoke()
    operators = [row["op_name"] for row in interpreter._get_ops_details() if row["op_name"] != "DELEGATE"]
    return operators, interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


print("tensorflow", tf.__version__)
for name, activation in (("relu", tf.nn.relu), ("relu6", tf.nn.relu6), ("maximum", lambda x: tf.maximum(x, 0.0))):
    expected = activation(a @ b).numpy()
    flat = converted(lambda a, b: activation(tf.matmul(a, b)))
    third_axis = converted(lambda a, b: activation(tf.matmul(tf.expand_dims(a, 0), tf.expand_dims(b, 0)))[0])
    print(f"{name}: expected {expected.tolist()}")
    print(f"  two axes   {flat[0]} {flat[1].tolist()}")
    print(f"  third axis {third_axis[0]} {third_axis[1].tolist()}")
    assert np.allclose(third_axis[1], expected)
    assert np.allclose(flat[1], a @ b) and flat[1].min() < 0, "the activation is kept now"
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" -W ignore "$folder/show.py" 2> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
