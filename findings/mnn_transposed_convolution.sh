#!/usr/bin/env bash
# MNN converts a .tflite file's transposed convolution with other weights than the file's: wrong answers, without an error.
#
# A good guess: a float32 .tflite file with TRANSPOSE_CONV, which U-Net and FCN hold, either converts rightly or is refused.
# What happens (MNN 3.6.1): it converts, has the right shape, and answers numbers that have nothing to do with the network's,
# with one channel (so that no order of the weights explains it) as with several. An ordinary convolution is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 MNN==3.6.1
cat > "$folder/show.py" <<'PYTHON'
import os
import subprocess
import sys
from importlib.metadata import version

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf

CONVERT = "import sys, MNN, _tools; _tools.mnnconvert(sys.argv)"
RUN = """
import sys, MNN, numpy as np
folder = sys.argv[1]
picture = np.load(folder + "/picture.npy")
runtime = MNN.Interpreter(folder + "/network.mnn")
session = runtime.createSession({"backend": "CPU", "precision": "high", "numThread": 1})
layout = MNN.Tensor_DimensionType_Tensorflow
runtime.getSessionInput(session).copyFrom(MNN.Tensor(picture.shape, MNN.Halide_Type_Float, picture, layout))
runtime.runSession(session)
output = runtime.getSessionOutput(session)
shape = output.getShape()
answer = MNN.Tensor(shape, MNN.Halide_Type_Float, np.zeros(shape, "f4"), output.getDimensionType())
output.copyToHostTensor(answer)
np.save(folder + "/answer.npy", np.array(answer.getData(), "f4").reshape(shape))
"""
folder = os.path.dirname(__file__)


def answers(layer, channels):
    """(MNN's answer, Keras's) of one layer with random weights."""
    from keras import Input, Model

    source = Input((7, 9, channels), batch_size=1)
    model = Model(source, layer(source))
    picture = np.random.default_rng(1).normal(size=(1, 7, 9, channels)).astype("f4")
    traced = tf.function(model, input_signature=[tf.TensorSpec(picture.shape)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.get_concrete_function()])
    np.save(folder + "/picture.npy", picture)
    with open(folder + "/network.tflite", "wb") as out:
        out.write(converter.convert())
    names = ["-f", "TFLITE", "--modelFile", folder + "/network.tflite", "--MNNModel", folder + "/network.mnn", "--bizCode", "x"]
    subprocess.run([sys.executable, "-c", CONVERT, *names], check=True, capture_output=True)
    subprocess.run([sys.executable, "-c", RUN, folder], check=True, capture_output=True)
    return np.load(folder + "/answer.npy"), model(picture).numpy()


import keras
from keras.layers import Conv2D, Conv2DTranspose

keras.utils.set_random_seed(0)
print("MNN", version("MNN"), "tensorflow", tf.__version__)
results = {}
for name, layer, channels in (
    ("convolution, 4 to 5 channels", Conv2D(5, 3, 2, "same"), 4),
    ("transposed convolution, 1 to 1 channel", Conv2DTranspose(1, 3, 2, "same"), 1),
    ("transposed convolution, 4 to 5 channels", Conv2DTranspose(5, 3, 2, "same"), 4),
):
    got, wanted = answers(layer, channels)
    assert got.shape == wanted.shape, (got.shape, wanted.shape)
    results[name] = np.abs(got - wanted).max() / np.abs(wanted).max()
    print(f"{name}: largest error {results[name]:.2g} of the largest answer")
sys.exit(0 if [error > 0.1 for error in results.values()] == [False, True, True] else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
