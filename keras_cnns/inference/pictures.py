"""Reads pictures as in evaluation, with Pillow and NumPy alone, for code that runs `.tflite` files without TensorFlow.

`data.pictures` does the same inside tf.data pipelines. The two agree to the rounding of a resized pixel; for JPEGs they
differ by one grey level on average, because the pipeline uses the faster of libjpeg's inverse cosine transforms.
"""

from pathlib import Path

import numpy as np

from keras_cnns.data import pillow
from keras_cnns.support.errors import BadArgument, UnreadableFile
from keras_cnns.support.untrusted import read_bytes
from keras_cnns.support.validation import path_of

Shape = tuple[int, int, int]
JPEG = b"\xff\xd8\xff"


def read_picture(
    picture: str | Path | bytes, shape: Shape, *, crop: str = "centre", crop_fraction: float = 1.0
) -> np.ndarray:
    """Reads a picture as in evaluation: whole numbers 0 to 255, float32 [height, width, channels].

    Args:
      picture: a path, or the bytes of the file.
      shape: (height, width, channels) of the result; 1 or 3 channels.
      crop: "centre": the largest centred part with the aspect of `shape`; "whole": the whole picture, distorted.
      crop_fraction: side of the centred part, as a fraction.

    Raises:
      UnreadableFile: the file is missing, damaged, or not a picture.
      BadArgument: the number of channels is not 1 or 3.
    """
    height, width, channels = shape
    if channels not in (1, 3):
        raise BadArgument(f"the model takes pictures of {channels} channels, and files have 1 or 3.")
    name = "the picture" if isinstance(picture, bytes) else str(picture)
    data = read_data(picture)
    try:
        pixels = _decoded(data, (height, width), channels, crop, crop_fraction)
    except Exception:  # whatever Pillow's readers raise
        raise UnreadableFile(pillow.refusal(f"{name} {pillow.fault(data)}")) from None
    return np.round(resized(pixels, (height, width)))


def read_pixels(picture: str | Path | bytes, channels: int) -> np.ndarray:
    """The picture at its own size, uint8 [height, width, 3]; grey for a model of one channel.

    Raises:
      UnreadableFile: the file is missing, damaged, or not a picture.
    """
    name, data = "the picture" if isinstance(picture, bytes) else str(picture), read_data(picture)
    try:
        return np.repeat(pillow.decoded(data, channels), 3 // channels, axis=-1)
    except Exception:  # whatever Pillow's readers raise
        raise UnreadableFile(pillow.refusal(f"{name} {pillow.fault(data)}")) from None


def read_data(picture: str | Path | bytes) -> bytes:
    """The bytes of a file. Raises UnreadableFile if it cannot be read."""
    if isinstance(picture, bytes):
        return picture
    path = path_of(picture, "the picture")
    if path.is_dir():
        raise UnreadableFile(f"{path} is a folder: give the pictures in it.")
    try:
        return read_bytes(path)
    except FileNotFoundError:
        raise UnreadableFile(f"there is no file {path}.") from None
    except OSError as error:
        raise UnreadableFile(pillow.refusal(f"{path} cannot be read ({error.strerror or error})")) from None


def window(shape: tuple[int, int], size: tuple[int, int], crop: str, fraction: float) -> tuple[int, int, int, int]:
    """(top, left, height, width) of the part that is seen; shape and size: (height, width) of picture and input."""
    if crop == "whole":
        return (0, 0, *shape)
    sides, target = np.array(shape, "float32"), np.array(size, "float32")
    part = np.round(np.float32(fraction) * (target * np.min(sides / target)))
    corner = np.floor((sides - part) / 2).astype(int)
    part = np.clip(part.astype(int), 1, shape)
    top, left = np.clip(corner, 0, np.array(shape) - part)
    return int(top), int(left), int(part[0]), int(part[1])


def resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels [h, w, channels] resized to `size`: bilinear, or the mean of the covered area if both sides halve.

    Returns:
      float32 [*size, channels], not rounded.
    """
    height, width = pixels.shape[:2]
    weights = _area if height >= 2 * size[0] and width >= 2 * size[1] else _bilinear
    columns = np.einsum("hwc,xw->hxc", pixels.astype("float32"), weights(width, size[1]), optimize=True)
    return np.einsum("hxc,yh->yxc", columns, weights(height, size[0]), optimize=True).astype("float32")


def _decoded(data: bytes, size: tuple[int, int], channels: int, crop: str, fraction: float) -> np.ndarray:
    """The window that is seen, at its size or, of a large JPEG, at a half, a quarter or an eighth of it."""
    ratio = 1
    if data.startswith(JPEG):
        image = pillow.opened(data)
        if pillow.orientation(image) not in pillow.UPRIGHT and image.mode in ("L", "RGB"):
            seen = window((image.height, image.width), size, crop, fraction)[2:]
            ratio = max(n for n in (1, 2, 4, 8) if n == 1 or min(s // t for s, t in zip(seen, size, strict=True)) >= n)
            box = np.array(window((image.height, image.width), size, crop, fraction)) // ratio
    pixels = pillow.decoded(data, channels, ratio)
    if ratio == 1:
        box = np.array(window((pixels.shape[0], pixels.shape[1]), size, crop, fraction))
    top, left, height, width = box
    return pixels[top : top + height, left : left + width]


def _bilinear(old: int, new: int) -> np.ndarray:
    """Weights [new, old] of linear interpolation between pixel centres."""
    places = (np.arange(new, dtype="float32") + 0.5) * np.float32(old / new) - 0.5
    low = np.floor(places)
    share = (places - low).astype("float32")
    weights = np.zeros((new, old), "float32")
    rows = np.arange(new)
    np.add.at(weights, (rows, np.clip(low, 0, old - 1).astype(int)), 1 - share)
    np.add.at(weights, (rows, np.clip(low + 1, 0, old - 1).astype(int)), share)
    return weights


def _area(old: int, new: int) -> np.ndarray:
    """Weights [new, old] of the mean over the part of the old axis that each new pixel covers."""
    edges = np.arange(new + 1) * (old / new)
    pixels = np.arange(old)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.clip(covered, 0, None) * (new / old)).astype("float32")
