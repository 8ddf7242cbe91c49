#!/usr/bin/env bash
# keras.quantizers.fake_quant_with_min_max_vars ignores num_bits, narrow_range and axis in a functional model.
#
# A good guess: a function of Keras computes the same on a tensor and on the KerasTensor of a functional model.
# What happens (Keras 3.15.1): with num_bits=2 a tensor gets 3 different values, and the same call in a functional model
# gets 256: it quantizes to 8 bits. narrow_range=True and axis= are dropped in the same way, and ranges for each channel
# then raise an error that does not name the cause. In the function (src/quantizers/quantizers.py) the branch for symbolic
# tensors builds the operation without these arguments. The saved model has 8 bits, too, so a network whose training was
# meant to prepare it for 4 bits has never seen them. Called inside of a layer's `call`, the function is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.7.2 "numpy<2.4" > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import keras
import numpy as np

x = np.linspace(-1, 1, 1001, dtype="float32")[None]


class Rounding(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__()
        self.options = options

    def call(self, inputs):
        return keras.quantizers.fake_quant_with_min_max_vars(inputs, -1.0, 1.0, **self.options)


def values(outputs):
    return np.unique(keras.ops.convert_to_numpy(outputs)).round(3)


print("Keras", keras.__version__)
seen = {}
for options in ({"num_bits": 2}, {"num_bits": 4}, {"num_bits": 8, "narrow_range": True}):
    image = keras.Input((1001,))
    outputs = keras.quantizers.fake_quant_with_min_max_vars(image, -1.0, 1.0, **options)
    on_tensor = values(keras.quantizers.fake_quant_with_min_max_vars(x, -1.0, 1.0, **options))
    in_model = values(keras.Model(image, outputs)(x))
    in_layer = values(keras.Model(image, Rounding(**options)(image))(x))
    seen[str(options)] = len(on_tensor), len(in_layer), len(in_model)
    print(f"{options}: {len(on_tensor)} values on a tensor, {len(in_layer)} in a layer, {len(in_model)} in a model")
expected = [(3, 3, 256), (16, 16, 256), (255, 255, 256)]
assert list(seen.values()) == expected, "the arguments are treated otherwise now"
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" -W ignore "$folder/show.py" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
