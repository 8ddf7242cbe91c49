"""Files of pictures and masks as arrays, and a split where nobody made one."""

import zlib

import numpy as np

from keras_cnns.data import pillow
from keras_cnns.data.sources import splits
from keras_cnns.data.sources.scene import VOID
from keras_cnns.support import messages
from keras_cnns.support.errors import UserError
from keras_cnns.support.untrusted import parse_json, read_bytes, read_text


def array_of(path):
    """What a picture shows, uint8 [H, W, 3]. Raises UserError, naming the file."""
    try:
        data = read_bytes(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}).") from None
    try:
        return pillow.decoded(data, 3)
    except Exception:  # Pillow's readers raise what they come upon
        raise UserError(f"{path} {pillow.fault(data)}: mend it, or take it out of the data set.") from None


def one_picture(paths, of):
    """The picture among files of one name; `of`: what is known of it, for the message. Raises UserError: several."""
    first, *others = paths
    if others:
        raise UserError(f"{of} is of one picture, and there are {first} and {others[0]}: leave one of them.")
    return first


def names_in(path, *, least=1):
    """The classes that a file lists: a name a line, or JSON's list of them.

    Raises:
      UserError: it cannot be read, holds fewer than `least` or more than a mask can tell apart, or one of them twice.
    """
    try:
        text = read_text(path)
        names = parse_json(text) if path.suffix == ".json" else [x.strip() for x in text.splitlines() if x.strip()]
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read the names of classes in {path}: {error}.") from error
    if not isinstance(names, list) or not least <= len(set(map(str, names))) == len(names) < VOID:
        raise UserError(f"{path} needs a list of {least} to {VOID - 1} different names.")
    return tuple(map(str, names))


def mask_of(path, size, classes):
    """The labels of a mask's pixels, uint8 [H, W]: the numbers in the file, of a palette the colours' numbers.

    Raises:
      UserError: it is no mask, of another size than its picture (height, width), or has labels that are no class.
    """
    try:
        with pillow.opened(read_bytes(path)) as image:
            values, lossy = np.asarray(image), image.format == "JPEG"
    except Exception as error:
        raise UserError(f"{path} cannot be read as a mask: {error}.") from error
    if values.ndim == 3 and values.shape[-1] == 2:  # grey, and how much of it
        values = values[..., 0]
    if values.ndim == 3 and (values[..., 0] == values[..., 1]).all() and (values[..., 0] == values[..., 2]).all():
        values = values[..., 0]
    if lossy:
        raise UserError(f"{path} is a JPEG, which changes the values, and a mask's values are its labels: save a PNG.")
    if values.ndim != 2:
        raise UserError(f"{path} is a coloured picture, and a mask's values are its labels: save it with one channel.")
    if values.dtype.kind not in "bui":
        raise UserError(
            f"{path} has samples that are no whole numbers, and a mask's values are its labels: save a PNG."
        )
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
    messages.once(f"{folder} has no split of its own: about every fifth picture is held out, by its name.")
    held_out = {key: zlib.crc32(str(key).encode()) % 5 == 0 for key in files}
    wanted = splits.TRAIN not in splits.asked(split)
    found = {key: file for key, file in files.items() if held_out[key] == wanted}
    if not found:
        raise UserError(
            f"{folder} has too few pictures for a split of its own ({len(held_out)}): make folders train, test."
        )
    return found
