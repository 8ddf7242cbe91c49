#!/usr/bin/env bash
# Keras's RandomErasing, RandomPerspective and RandomElasticTransform with factor=1.0 leave half of the pictures unchanged.
#
# A good guess: what their docs say of `factor`, the probability of the transformation: "`factor=1.0` means erasing is
# always applied".
# What happens (Keras 3.15.1): a single number p is a range from 0 to p, from which a probability is drawn for each
# picture, so the transformation is applied to about p / 2 of the pictures: 50 % at 1.0, 10 % at 0.2. (1.0, 1.0) means
# always. `_set_factor` in base_image_preprocessing_layer.py makes the range. The same page says both, a few lines apart.
# RandomGrayscale takes the number as it is. A recipe of a paper ("random erasing with p = 0.25") is run at half strength.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.7.2 "numpy<2.4" > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import keras
import numpy as np
from keras import layers

PICTURES = 1000
pictures = np.random.default_rng(0).uniform(0, 255, (PICTURES, 16, 16, 3)).astype("float32")
FACTORS = (1.0, 0.2, (1.0, 1.0))
LAYERS = (layers.RandomErasing, layers.RandomPerspective, layers.RandomElasticTransform, layers.RandomGrayscale)

print("Keras", keras.__version__, "| share of", PICTURES, "pictures that a layer changes")
seen = {}
for layer in LAYERS:
    for factor in FACTORS[: 2 if layer is layers.RandomGrayscale else 3]:
        changed = np.asarray(layer(factor, seed=0)(pictures.copy(), training=True))
        share = np.mean(np.abs(changed - pictures).max((1, 2, 3)) > 1e-3)
        seen[layer.__name__, factor] = share
        print(f"{layer.__name__:23} factor={factor!s:11} {share:.3f}")
for (name, factor), share in seen.items():
    exact = name == "RandomGrayscale" or isinstance(factor, tuple)
    expected = np.mean(factor) if exact else factor / 2
    assert abs(share - expected) < 0.06, f"{name} applies factor={factor} otherwise now"
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" -W ignore "$folder/show.py" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
