#!/usr/bin/env bash
# Three of Keras's augmentations move bounding boxes off the objects in the picture: RandomCrop, RandomRotation and
# RandomPerspective.
#
# A good guess: a Keras augmentation with a `bounding_box_format` moves the boxes with the pixels, in any format that it
# accepts.
# What happens (Keras 3.15.1): a white rectangle on black is augmented together with the box around it.
# - RandomCrop subtracts the offset of the rows from x and that of the columns from y, in every format
#   (`transform_bounding_boxes` in random_crop.py). It also scales relative boxes by the size of the crop.
# - RandomRotation takes all boxes for "xyxy", whatever format they have, and converts only its result.
# - RandomPerspective returns boxes in "xyxy", whatever format was asked for.
# The other layers tried here, Resizing, CenterCrop, RandomTranslation and RandomZoom, keep every box on its object. A
# detector trained with the three learns wrong boxes, and nothing raises an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.7.2 "numpy<2.4" > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import keras
import numpy as np
from keras import layers
from keras.utils.bounding_boxes import convert_format

HEIGHT, WIDTH = 60, 80
BOX = [20, 12, 44, 30]  # x1, y1, x2, y2
FORMATS = ("xyxy", "xywh", "rel_xyxy")
FAR = 3  # pixels; rotated edges are blurred
picture = np.zeros((HEIGHT, WIDTH, 3), "float32")
picture[12:30, 20:44] = 255


def box_of_pixels(augmented):
    """The box around what is still white."""
    white = np.asarray(augmented)[..., 0] > 127
    rows, columns = np.flatnonzero(white.any(1)), np.flatnonzero(white.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def augment(layer, box_format):
    """(the box around the white pixels, the box that the layer returns), both as x1, y1, x2, y2."""
    box = np.float32([[BOX]])
    box = np.asarray(convert_format(box, "xyxy", box_format, height=HEIGHT, width=WIDTH))
    boxes = {"boxes": box, "labels": np.array([[1]])}
    result = layer({"images": picture[None].copy(), "bounding_boxes": boxes}, training=True)
    height, width = result["images"].shape[1:3]
    returned = convert_format(result["bounding_boxes"]["boxes"], box_format, "xyxy", height=height, width=width)
    return box_of_pixels(result["images"][0]), np.asarray(returned)[0, 0]


BLACK = {"fill_mode": "constant"}
LAYERS = {
    "Resizing": lambda **options: layers.Resizing(90, 90, **options),
    "CenterCrop": lambda **options: layers.CenterCrop(50, 60, **options),
    "RandomTranslation": lambda **options: layers.RandomTranslation((0.1, 0.1), (0.2, 0.2), **BLACK, **options),
    "RandomZoom": lambda **options: layers.RandomZoom((0.2, 0.2), (0.2, 0.2), **BLACK, **options),
    "RandomCrop": lambda **options: layers.RandomCrop(58, 50, seed=0, **options),
    "RandomRotation": lambda **options: layers.RandomRotation((1 / 12, 1 / 12), **BLACK, **options),
    "RandomPerspective": lambda **options: layers.RandomPerspective((1.0, 1.0), scale=0.3, seed=1, **options),
}
print("Keras", keras.__version__, "| picture", WIDTH, "x", HEIGHT, "| box", BOX)
wrong = []
for name, make in LAYERS.items():
    for box_format in FORMATS:
        pixels, returned = augment(make(bounding_box_format=box_format), box_format)
        off = np.abs(pixels - returned).max() > FAR
        wrong += [(name, box_format)] if off else []
        print(f"{name:17} {box_format:8} object {pixels}, box {returned.round(1)}", "WRONG" if off else "")
other_formats = [(name, f) for name in ("RandomRotation", "RandomPerspective") for f in FORMATS[1:]]
assert wrong == [("RandomCrop", f) for f in FORMATS] + other_formats, "other layers move boxes off their objects now"
PYTHON
KERAS_BACKEND=jax "$folder/venv/bin/python" -W ignore "$folder/show.py" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
