"""The cards of drawn scenes, cropped: labelled pictures on which to pretrain the backbone of a detector of scenes.

Each picture is a square around one card of the first scenes of `sources/shapes.py`, 32 x 32 pixels; its class is the
digit. No digit of the test split is in the training split.
"""

import numpy as np
from PIL import Image

from keras_cnns.data.sources import shapes
from keras_cnns.support.messages import LOG

NAME, CLASSES = "cards", shapes.CLASSES
DESCRIPTION = "Handwritten digits printed on cards, cut out of drawn scenes, 32x32, coloured."
SIZE = 32
SCENES = {"train": 8000, "test": 500}


def arrays() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The cards as `{"train": (images, labels), "test": (images, labels)}`: uint8 [N, 32, 32, 3], int64 [N]."""
    LOG.info("drawing %d scenes of cards. This is done once and takes a minute or two.", sum(SCENES.values()))
    return {split: _cut(split, count) for split, count in SCENES.items()}


def _cut(split: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    images, labels = [], []
    for number in range(count):
        scene = shapes.scene(number, split)
        picture = Image.fromarray(scene.picture)
        for (x1, y1, x2, y2), label in zip(scene.boxes, scene.classes, strict=True):
            x, y, half = (x1 + x2) / 2, (y1 + y2) / 2, max(x2 - x1, y2 - y1) / 2
            around = (x - half, y - half, x + half, y + half)  # black beyond the border
            cut = picture.transform((SIZE, SIZE), Image.Transform.EXTENT, around, Image.Resampling.BILINEAR)
            images.append(np.asarray(cut))
            labels.append(label)
    return np.stack(images), np.array(labels, np.int64)
