#!/usr/bin/env bash
# OpenCV computes the softmax of a segmentation network's .tflite file over the width of the picture, not over its classes.
#
# A good guess: SOFTMAX in a .tflite file is over the last dimension, which holds the channels; OpenCV keeps pictures as
# channels, height, width, so that its importer has to move the axis to 1, as it does for MEAN.
# What happens (opencv-python-headless 5.0.0.93): the axis stays the last one. The probabilities of one row of pixels add up to 1
# for each class, those of one pixel do not. Behind a global pooling, where one vector is left, softmax is right.
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
kernel = rng.normal(size=(1, 1, 3, 4)).astype("f4")
picture = rng.normal(size=(1, 6, 9, 3)).astype("f4")


def answers(network):
    """(OpenCV's answer, TensorFlow's), both channels first."""
    traced = tf.function(network, input_signature=[tf.TensorSpec((1, 6, 9, 3))])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.get_concrete_function()])
    file = os.path.join(os.path.dirname(__file__), "network.tflite")
    with open(file, "wb") as out:
        out.write(converter.convert())
    runtime = cv2.dnn.readNetFromTFLite(file)
    runtime.setInput(np.ascontiguousarray(picture.transpose(0, 3, 1, 2)))
    wanted = network(picture).numpy()
    return runtime.forward(), wanted.transpose(0, 3, 1, 2) if wanted.ndim == 4 else wanted


def classifier(x):
    return tf.nn.softmax(tf.reduce_mean(tf.nn.conv2d(x, kernel, 1, "SAME"), (1, 2)))


def segmenter(x):
    return tf.nn.softmax(tf.nn.conv2d(x, kernel, 1, "SAME"))


print("opencv", cv2.__version__, "tensorflow", tf.__version__)
got, wanted = answers(classifier)
print("classifier: largest error", np.abs(got - wanted).max())
right = np.allclose(got, wanted, atol=1e-5)
got, wanted = answers(segmenter)
print("segmenter: largest error", np.abs(got - wanted).max())
print("segmenter: sums over the classes", np.round(got.sum(1).ravel()[:4], 3), "wanted 1")
print("segmenter: sums over the width  ", np.round(got.sum(3).ravel()[:4], 3))
wrong = np.abs(got - wanted).max() > 0.1 and np.allclose(got.sum(3), 1, atol=1e-4)
sys.exit(0 if right and wrong else 1)
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
