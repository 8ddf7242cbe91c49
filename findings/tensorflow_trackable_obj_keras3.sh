#!/usr/bin/env bash
# TensorFlow's converter asks for `trackable_obj` and, given a Keras 3 model as one, loses its weights without a word.
#
# A good guess: `from_concrete_functions([f])` warns "Please consider providing the trackable_obj argument", so passing
# the model that f calls gives the same file without the warning.
# What happens (tensorflow 2.21.0, keras 3.15.1): convert() succeeds, and the file holds other numbers where the
# weights should be: a layer of 4 to 3 numbers answers values of any size, another one each time; MobileNetV2 answers
# NaN. Without the argument the file is exact. A tf.Module that holds the model's raw tf.Variables works as well.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 keras==3.15.1
cat > "$folder/show.py" <<'PYTHON'
import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
function = tf.function(lambda x: model(x), input_signature=[tf.TensorSpec((1, 4))]).get_concrete_function()
numbers = np.ones((1, 4), "float32")
holder = tf.Module()
holder.variables_of_the_model = [variable.value for variable in model.variables]


def answer(*arguments):
    data = tf.lite.TFLiteConverter.from_concrete_functions([function], *arguments).convert()
    interpreter = tf.lite.Interpreter(model_content=data)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], numbers)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


expected = model(numbers).numpy()
print("tensorflow", tf.__version__, "keras", keras.__version__)
print("the Keras model                ", expected)
alone, module, trackable = answer(), answer(holder), answer(model)
print("from_concrete_functions([f])   ", alone)
print("  with a tf.Module of variables", module)
print("  with the Keras model         ", trackable)
assert np.allclose(alone, expected, atol=1e-6) and np.allclose(module, expected, atol=1e-6)
assert not np.allclose(trackable, expected, atol=1e-2), "the weights are there now"
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" -W ignore "$folder/show.py" 2> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
