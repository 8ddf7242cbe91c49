#!/bin/sh
# A functional Keras 3 model with keras.layers.Resizing in its middle runs the layers after it in training mode when it is called
# without `training`. Resizing.call has the default training=True, and the first layer whose default is not None sets the
# mode of the rest of the call. Batch normalization behind it then uses the statistics of the batch, and the call changes
# its moving statistics. UpSampling2D in the same place does not do that.
#
# Calls two models once, as model(pictures). Exits with 0 while the one with Resizing has other moving statistics afterwards
# and the one with UpSampling2D has not.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check "keras==3.15.1" "jax==0.7.2" "numpy<2.4"
cat >"$folder/call.py" <<'PYTHON'
import sys

import keras
import numpy as np
from keras import layers

print("Python", sys.version.split()[0], "Keras", keras.__version__)
pictures = np.random.default_rng(0).normal(3, 2, (4, 8, 8, 3)).astype("float32")
changed = {}
for layer in (layers.Resizing(16, 16), layers.UpSampling2D(2, interpolation="bilinear")):
    image = keras.Input((8, 8, 3))
    norm = layers.BatchNormalization()
    model = keras.Model(image, norm(layer(image)))
    before = np.array(keras.ops.convert_to_numpy(norm.moving_mean))
    as_called = keras.ops.convert_to_numpy(model(pictures))
    after = keras.ops.convert_to_numpy(norm.moving_mean)
    changed[type(layer).__name__] = not np.array_equal(before, after)
    print(f"{type(layer).__name__}: mean of the output {as_called.mean():.3f} (inference: about 3),", end=" ")
    print(f"moving mean {before.round(3)} before the call, {after.round(3)} after it")
sys.exit(0 if changed == {"Resizing": True, "UpSampling2D": False} else 1)
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" "$folder/call.py"
