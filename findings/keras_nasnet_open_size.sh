#!/usr/bin/env bash
# keras.applications builds NASNet for pictures of any size, and the network then fails for every picture.
#
# A good guess: NASNetMobile(include_top=False, input_shape=(None, None, 3)) takes pictures of any size, like the other
# networks of keras.applications.
# What happens (Keras 3.15.1): it is built, with the output shape (None, None, None, 1056), and its first call raises an
# error about shapes that do not fit, for sizes that the network takes when they are fixed. `_adjust_block` in nasnet.py
# halves the output of the cell before last if its width differs from the input's, and two open widths, None and None, do
# not differ. MobileNetV2 is shown beside it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.7.2 "numpy<2.4" > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import keras
import numpy as np

SIDE = 96
print("Keras", keras.__version__, "| networks built for any size")
picture = np.zeros((1, SIDE, SIDE, 3), "float32")
answers = {}
for network in (keras.applications.MobileNetV2, keras.applications.NASNetMobile):
    model = network(weights=None, include_top=False, input_shape=(None, None, 3))
    print(f"{network.__name__}: output shape {model.output_shape}; with {SIDE}x{SIDE} pixels", end=" ")
    try:
        answers[network.__name__] = tuple(model(picture).shape)
        print("it answers", answers[network.__name__])
    except Exception as error:
        answers[network.__name__] = type(error).__name__
        print("it raises", type(error).__name__)
fixed = keras.applications.NASNetMobile(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3))
print(f"NASNetMobile built for {SIDE}x{SIDE}: output shape {fixed.output_shape}")
assert answers["MobileNetV2"] == (1, 3, 3, 1280) and fixed.output_shape == (None, 3, 3, 1056)
assert isinstance(answers["NASNetMobile"], str), "NASNet of open size answers now"
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" -W ignore "$folder/show.py" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
