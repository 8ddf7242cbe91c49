"""How the bytes of pictures become the inputs of a network, and pictures for runtimes that take nothing but bytes."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from keras_cnns.tflite.file.metadata import Normalization, normalization
from keras_cnns.tflite.inputs.gather import Pictures
from keras_cnns.tflite.quantize.ranges import picture_range
from keras_cnns.tflite.targets.target import Target

NOTE = "compared on pictures of bytes, since {} takes no others"
NEAR = 0.01  # of a byte: what the arithmetic of a normalization may lose


def guessed_normalization(pictures: Pictures) -> Normalization | None:
    """How pixels from 0 to 255 become what the file takes, when the pictures fill a customary range."""
    values = pictures.calibration or (None if pictures.are_noise else pictures.images)
    if values is None or len(values) != 1:
        return None
    (array,) = values.values()
    customary = picture_range(float(array.min()), float(array.max()))
    return customary and normalization(*customary)


def as_bytes(pictures: Pictures, stated: Normalization | None, targets: Iterable[Target]) -> Pictures:
    """The pictures, their images rounded to bytes if one of the targets takes no others.

    stated: how bytes become inputs; None if it is to be guessed from the pictures.
    """
    title = next((target.title for target in targets if target.rewrites().byte_pictures), None)
    known = stated or guessed_normalization(pictures)
    if title is None or known is None or len(pictures.images) != 1:
        return pictures
    ((name, images),) = pictures.images.items()
    mean, std = np.asarray(known.mean), np.asarray(known.std)
    exact = images * std + mean
    stored = np.clip(np.rint(exact), 0, 255)
    if np.all(np.abs(stored - exact) < NEAR):
        return pictures
    rounded = {name: ((stored - mean) / std).astype(images.dtype)}
    return replace(pictures, images=rounded, notes=(*pictures.notes, NOTE.format(title)))
