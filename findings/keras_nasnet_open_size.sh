#!/usr/bin/env bash
# keras.applications builds NASNet for pictures of any size, and the network then fails for every picture.
#
# A good guess: NASNetMobile(include_top=False, input_shape=(None, None, 3)), which Keras's own tests build, answers
# pictures of any size, like the other networks of keras.applications.
# What happens (Keras 3.15.1): it is built, with the output shape (None, None, None, 1056), and its first call raises an
# error about incompatible shapes, for sizes that the network takes when they are fixed. A cell halves the output of the
# cell before last if its width differs from the input's, and two open widths, None and None, do not differ.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet keras==3.15.1 tensorflow==2.21.0 > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import keras
import numpy as np

open_size = keras.applications.NASNetMobile(weights=None, include_top=False, input_shape=(None, None, 3))
print(f"Keras {keras.__version__}: built, output shape {open_size.output_shape}")
failures = 0
for side in (224, 96, 95):
    picture = np.zeros((1, side, side, 3), "float32")
    fixed = keras.applications.NASNetMobile(weights=None, include_top=False, input_shape=(side, side, 3))
    print(f"  {side}x{side}: built for this size, the answer has shape {tuple(fixed(picture).shape)}", end="; ")
    try:
        open_size(picture)
        print("built for any size, it answers")
    except Exception as error:
        failures += 1
        print(f"built for any size, it raises {type(error).__name__}")
assert failures == 3, "NASNet of open size answers now"
PYTHON
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" -W ignore "$folder/show.py" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
