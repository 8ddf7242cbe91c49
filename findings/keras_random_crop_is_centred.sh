#!/usr/bin/env bash
# Keras's RandomCrop always takes the centre if the crop is as high, or as wide, as the picture.
#
# A good guess: RandomCrop(224, 224) of pictures whose shorter side was resized to 224, the usual preparation, takes a
# random place along the longer side, as RandomCrop of torchvision and tf.image.random_crop do. The docs say "randomly
# choose a location" and make an exception for pictures that are smaller than the crop.
# What happens (Keras 3.15.1): with one side equal, all crops are the same, from the centre of the other side. A crop that
# is one pixel smaller is random. `get_random_transformation` in random_crop.py asks for `>` on both sides, and otherwise
# does what it does at inference. So training runs without this augmentation, and nothing says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.7.2 "numpy<2.4" > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import keras
import numpy as np

HEIGHT, WIDTH = 60, 80
# each pixel holds its own row and column
rows, columns = np.meshgrid(np.arange(HEIGHT), np.arange(WIDTH), indexing="ij")
picture = np.stack([rows, columns], -1).astype("float32")[None]


def corners(height, width):
    """The rows and columns at which thirty crops begin."""
    layer = keras.layers.RandomCrop(height, width, seed=0)
    crops = [np.asarray(layer(picture, training=True)) for _ in range(30)]
    assert all(crop.shape == (1, height, width, 2) for crop in crops)
    return [sorted({int(crop[0, 0, 0, axis]) for crop in crops}) for axis in (0, 1)]


print("Keras", keras.__version__, "| picture of", HEIGHT, "rows and", WIDTH, "columns")
seen = {}
for size in ((59, 50), (60, 50), (40, 79), (40, 80)):
    seen[size] = corners(*size)
    print(f"crops of {size[0]} x {size[1]} begin at the rows {seen[size][0]} and the columns {seen[size][1]}")
assert len(seen[59, 50][1]) > 10 and len(seen[40, 79][0]) > 10, "a smaller crop is random"
assert seen[60, 50] == [[0], [15]] and seen[40, 80] == [[10], [0]], "a crop of equal height or width is random now"
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" -W ignore "$folder/show.py" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
