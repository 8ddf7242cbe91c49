#!/usr/bin/env bash
# OpenCV pads a dilated convolution of a .tflite file for a kernel without dilation: its answer is shifted, without an error.
#
# A good guess: "SAME" pads for the extent of the dilated kernel (3 taps 2 apart cover 5 pixels, so 2 zeros on each side), as
# LiteRT does. DeepLab's atrous convolutions depend on it.
# What happens (opencv-python-headless 5.0.0.93): the answer equals the convolution with 1 zero on the left and 3 on the right,
# which is the right answer moved by one pixel. Stride 2 without dilation, and "VALID" with dilation, are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 opencv-python-headless==5.0.0.93
cat > "$folder/show.py" <<'PYTHON'
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import cv2
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(0)
kernel = rng.normal(size=(3, 3, 4, 5)).astype("f4")
picture = rng.normal(size=(1, 17, 23, 4)).astype("f4")


def answers(stride, dilation, padding):
    """(OpenCV's answer, TensorFlow's) as arrays of (height, width, channels)."""

    @tf.function(input_signature=[tf.TensorSpec((1, 17, 23, 4))])
    def network(x):
        return tf.nn.conv2d(x, kernel, stride, padding, dilations=dilation)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()])
    file = os.path.join(os.path.dirname(__file__), "network.tflite")
    with open(file, "wb") as out:
        out.write(converter.convert())
    runtime = cv2.dnn.readNetFromTFLite(file)
    runtime.setInput(np.ascontiguousarray(picture.transpose(0, 3, 1, 2)))
    return runtime.forward()[0].transpose(1, 2, 0), network(picture).numpy()[0]


print("opencv", cv2.__version__, "tensorflow", tf.__version__)
for stride, dilation, padding in (2, 1, "SAME"), (1, 2, "VALID"):
    got, wanted = answers(stride, dilation, padding)
    right = np.allclose(got, wanted, atol=1e-4)
    print(f"stride {stride}, dilation {dilation}, {padding}: {'right' if right else 'wrong'}")
    if not right:
        sys.exit(1)
got, wanted = answers(1, 2, "SAME")
inside = np.s_[2:-2, 2:-2]
print("stride 1, dilation 2, SAME: largest error", np.abs(got - wanted)[inside].max(), "of", np.abs(wanted).max())
moved = np.roll(got, (1, 1), (0, 1))
print("the same answer moved by one pixel down and right: largest error", np.abs(moved - wanted)[inside].max())
sys.exit(0 if np.abs(got - wanted)[inside].max() > 1 and np.allclose(moved[inside], wanted[inside], atol=1e-4) else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
