#!/bin/sh
# KerasHub's DenseNet-121 has the layers and the weights of keras.applications' DenseNet121, in the same order and of the
# same shapes, and answers differently: the two pad the strided 7x7 convolution and the pooling after it differently.
# keras.applications adds the same zeros on both sides. KerasHub uses padding="same", which pads one side more where the
# size is even. Weights that are copied from one to the other load without an error and give other features.
#
# Prints the largest difference of the features, relative to the largest feature, at an even and at an odd size of the
# picture. Exits with 0 while the features differ at 64x64 and agree at 65x65 (65 and 33 are odd).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check "keras==3.15.1" "jax==0.7.2" "numpy<2.4"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-deps "keras-hub==0.32.0"
"$folder/venv/bin/pip" install -q --disable-pip-version-check regex kagglehub tokenizers sentencepiece
cat >"$folder/compare.py" <<'PYTHON'
import sys

import keras
import keras_hub
import numpy as np

print("Python", sys.version.split()[0], "Keras", keras.__version__, "KerasHub", keras_hub.__version__)
theirs = keras_hub.models.DenseNetBackbone(stackwise_num_repeats=[6, 12, 24, 16])
ours = keras.applications.DenseNet121(weights=None, include_top=False)
shapes = [[tuple(v.shape) for v in model.weights] for model in (theirs, ours)]
print("the same shapes in the same order:", shapes[0] == shapes[1])
theirs.set_weights(ours.get_weights())
differences = []
for side in (64, 65):
    picture = np.random.default_rng(0).uniform(-1, 1, (1, side, side, 3)).astype("float32")
    a, b = (np.asarray(model(picture, training=False)) for model in (theirs, ours))
    differences.append(float(np.abs(a - b).max() / np.abs(b).max()) if a.shape == b.shape else 1.0)
    print(f"{side}x{side}: features {a.shape} and {b.shape}, largest difference {differences[-1]:.1e}")
sys.exit(0 if shapes[0] == shapes[1] and differences[0] > 1e-2 and differences[1] < 1e-4 else 1)
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/compare.py"
