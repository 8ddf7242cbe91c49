"""Files of pictures and masks as arrays, and a split where nobody made one."""

import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from keras_cnns import said
from keras_cnns.data import pillow
from keras_cnns.data.pictures import refusal
from keras_cnns.data.sources import splits
from keras_cnns.data.sources.scene import VOID
from keras_cnns.errors import UserError


def array_of(path):
    """What a picture shows, uint8 [H, W, 3]. Raises UserError, naming the file."""
    data = Path(path).read_bytes()
    try:
        return pillow.decoded(data, 3)
    except Exception:  # Pillow's readers raise what they come upon
        raise UserError(refusal(f"{path} {pillow.fault(data)}")) from None


def mask_of(path, size, classes):
    """The labels of a mask's pixels, uint8 [H, W]: the numbers in the file, of a palette the colours' numbers.

    Raises:
      UserError: it is no mask, of another size than its picture (height, width), or has labels that are no class.
    """
    try:
        with Image.open(path) as image:
            values = np.asarray(image)
    except Exception as error:
        raise UserError(f"{path} cannot be read as a mask: {error}.") from error
    if values.ndim == 3 and values.shape[-1] == 2:  # grey, and how much of it
        values = values[..., 0]
    if values.ndim == 3 and (values[..., 0] == values[..., 1]).all() and (values[..., 0] == values[..., 2]).all():
        values = values[..., 0]
    if values.ndim != 2 or values.dtype.kind not in "bui":
        raise UserError(f"{path} is a coloured picture, and a mask's values are its labels: save it with one channel.")
    if values.shape != tuple(size):
        raise UserError(
            f"{path} is of {values.shape[1]} x {values.shape[0]} pixels, and its picture of {size[1]} x {size[0]}."
        )
    unknown = sorted({int(v) for v in np.unique(values)} - set(range(classes)) - {VOID})
    if unknown:
        raise UserError(f"{path} has the label {unknown[0]}, and the classes are 0 .. {classes - 1} ({VOID}: void).")
    return values.astype("uint8")


def split_by_fifths(folder, files, split):
    """Every fifth for test and the others for training, by their names alone, so that a new picture moves no other."""
    said.once(f"{folder} has no split of its own: about every fifth picture is held out, by its name.")
    held_out = {key: zlib.crc32(str(key).encode()) % 5 == 0 for key in files}
    wanted = splits.TRAIN not in splits.asked(split)
    found = {key: file for key, file in files.items() if held_out[key] == wanted}
    if not found:
        raise UserError(
            f"{folder} has too few pictures for a split of its own ({len(held_out)}): make folders train, test."
        )
    return found
