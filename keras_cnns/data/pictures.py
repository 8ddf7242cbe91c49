"""The decoder: a picture file becomes pixels at the network's size. Only the part that is needed is decoded.

TensorFlow decodes upright JPEGs of one or three components and PNGs with 8 bits per sample. Pillow decodes the pictures
that TensorFlow would decode differently from a viewer (JPEGs in CMYK or with an EXIF orientation, PNGs of other depths,
with a palette, a transparent colour or EXIF data), and BMP, GIF, WebP and TIFF.
"""

import numbers
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from keras_cnns.data import pillow
from keras_cnns.data.augment import crops
from keras_cnns.data.augment.colour import LUMA
from keras_cnns.data.augment.settings import Augment
from keras_cnns.data.pillow import refusal
from keras_cnns.support.errors import BadArgument, UnreadableFile, UnsupportedModel
from keras_cnns.support.untrusted import read_bytes
from keras_cnns.support.validation import every, path_of, short, whole

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG"
END_OF_JPEG = b"\xff\xd9"
HEAD = 2**16  # first bytes of a JPEG, which contain the orientation
NOTES = ("Exif\x00", "tiff:Orientation")  # in EXIF, or in XMP
PNG_NOTES = r"\C*(tRNS|eXIf|tiff:Orientation|Raw profile type)\C*"  # chunks that TensorFlow ignores or gets wrong
LARGE = 2**24  # samples of a picture; as floats they take 64 MB
Window: TypeAlias = Callable[[tf.Tensor], tf.Tensor]  # (height, width) -> (top, left, height, width), see `crops.py`


def read_picture(path: Any, shape: Any, *, crop: str = "centre", crop_fraction: float = 1.0) -> np.ndarray:
    """Reads a picture, cropped and resized as in evaluation.

    Args:
      path: a file, or its bytes.
      shape: (height, width, channels) of the result; 1 or 3 channels.
      crop: "centre": the largest centred part with the aspect of `shape`; "whole": all of it, whatever its aspect.
      crop_fraction: the fraction of the centred part's side that is kept, as 224 / 256.

    Returns:
      float32 of `shape`, whole numbers in 0 .. 255.

    Raises:
      UserError: the file is missing, damaged or not a picture; `shape` is not the shape of a picture.

    Example:
      >>> x = keras_cnns.data.read_picture("cat.jpg", (224, 224, 3))
      >>> probabilities = model.predict(x[None])
    """
    if not every(shape, numbers.Integral) or len(shape) != 3 or not all(whole(n, 1) for n in shape):
        raise BadArgument(f"shape is {short(shape)}: a picture's is (height, width, channels).")
    height, width, channels = map(int, shape)
    if channels not in (1, 3):
        raise UnsupportedModel(f"the model takes pictures of {channels} channels, and files have 1 or 3.")
    how = Augment.of({"crop": crop, "crop_fraction": crop_fraction})
    path = path if isinstance(path, bytes) else path_of(path, "the picture")
    name = "the picture" if isinstance(path, bytes) else str(path)
    if not isinstance(path, bytes) and path.is_dir():
        raise UnreadableFile(f"{path} is a folder: give the pictures in it.")
    try:
        data = path if isinstance(path, bytes) else read_bytes(path)
    except FileNotFoundError:
        raise UnreadableFile(f"there is no file {path}.") from None
    except OSError as error:
        raise UnreadableFile(refusal(f"{name} cannot be read ({error.strerror or error})")) from None
    try:
        window = crops.fixed(how.crop, (height, width), how.crop_fraction)
        pixels = picture(tf.constant(data), (height, width), channels, window)
    except Exception:  # TensorFlow's errors, or those of Pillow's readers
        raise BadArgument(refusal(f"{name} {pillow.fault(data)}")) from None
    return tf.round(pixels).numpy()


def pixels(data: Any, name: Any = "the picture", channels: int = 3) -> np.ndarray:
    """Decodes the whole picture at its own size, uint8 [H, W, channels].

    Args:
      data: an encoded file, or pixels, which are returned as they are.
      name: the name of the picture in messages.

    Raises:
      UserError: the file is damaged or not a picture.
    """
    if not isinstance(data, bytes):
        decoded = np.asarray(data, np.uint8)
        return decoded if decoded.shape[-1] == channels else np.repeat(decoded, channels, axis=-1)
    try:
        return pillow.decoded(data, channels)
    except Exception:  # Pillow's readers raise many kinds
        raise BadArgument(refusal(f"{name} {pillow.fault(data)}")) from None


def picture(encoded: tf.Tensor, size: Sequence[int], channels: int, window: Window) -> tf.Tensor:
    """The window of an encoded picture, resized.

    Args:
      encoded: a picture file as a string scalar (its EXIF orientation is applied; the first of several frames), or
        pixels uint8 [h, w, 1 or 3].
      size: (height, width) of the result.
      channels: 1 or 3. Grey is repeated, colours become their luma, transparency becomes white, CMYK becomes RGB.
      window: height and width [2] int32 -> (top, left, height, width) [4] int32, see `crops.py`.

    Returns:
      float32 [*size, channels] in 0..255, interpolated bilinearly. If the picture shrinks by 2 or more, each value is
      the mean of the pixels that it covers.
    """
    pixels = decode(encoded, size, channels, window)
    shrinks = tf.reduce_all(tf.shape(pixels)[:2] >= 2 * tf.constant(size))

    def floats() -> tf.Tensor:  # TensorFlow resizes floats twice as fast
        return tf.cast(pixels, tf.float32)

    resized = tf.case(
        [
            (shrinks & (tf.size(pixels) > LARGE), lambda: tf.image.resize(pixels, size, method="area")),
            (shrinks, lambda: tf.image.resize(floats(), size, method="area")),
        ],
        default=lambda: tf.image.resize(floats(), size),
    )
    return tf.ensure_shape(resized, [*size, channels])


def decode(encoded: tf.Tensor, size: Sequence[int], channels: int, window: Window) -> tf.Tensor:
    """The decoded window, uint8 [h, w, channels], at its own size or at a half, quarter or eighth of it.

    The result is never smaller than `size`.
    """
    if encoded.dtype != tf.string:
        return to_channels(_cut(encoded, window), channels)

    def by_pillow() -> tf.Tensor:
        shown = tf.numpy_function(lambda data: pillow.decoded(_bytes(data), channels), [encoded], tf.uint8)
        return _cut(tf.ensure_shape(shown, [None, None, channels]), window)

    return tf.case(
        [
            (_plain_jpeg(encoded), lambda: _jpeg(encoded, size, channels, window)),
            (_plain_png(encoded), lambda: to_channels(_cut(tf.io.decode_png(encoded, channels=4), window), channels)),
        ],
        default=by_pillow,
    )


def _starts(encoded: tf.Tensor, start: bytes) -> tf.Tensor:
    return tf.strings.substr(encoded, 0, len(start)) == start


def _plain_jpeg(encoded: tf.Tensor) -> tf.Tensor:
    """Whether TensorFlow decodes a JPEG as viewers do: it is complete, upright, and has one or three components.

    Since only the window is decoded, a truncated file is recognized by its end. Pillow decodes a file with data after
    the picture.
    """

    def plain() -> tf.Tensor:
        complete = tf.strings.substr(encoded, -len(END_OF_JPEG), len(END_OF_JPEG)) == END_OF_JPEG
        components = tf.io.extract_jpeg_shape(encoded)[2]
        return complete & (components < 4) & ~turned(encoded)

    return tf.cond(_starts(encoded, JPEG), plain, lambda: tf.constant(False))


def turned(encoded: tf.Tensor) -> tf.Tensor:
    """Whether a JPEG has an orientation other than upright; bool scalar."""
    head = tf.strings.substr(encoded, 0, HEAD)
    without = head
    for note in NOTES:  # the fastest search in TensorFlow: remove the first match and compare the lengths
        without = tf.strings.regex_replace(without, note, "", replace_global=False)
    noted = tf.strings.length(without) != tf.strings.length(head)

    def asked(data: Any) -> np.bool_:
        try:
            return np.bool_(pillow.orientation(pillow.opened(_bytes(data))) in pillow.UPRIGHT)
        except Exception:  # a damaged file is reported where it is decoded
            return np.bool_(False)

    return tf.cond(
        noted,
        lambda: tf.ensure_shape(tf.numpy_function(asked, [encoded], tf.bool), []),
        lambda: tf.constant(False),
    )


def _plain_png(encoded: tf.Tensor) -> tf.Tensor:
    """Whether TensorFlow decodes a PNG as viewers do: it has 8 bits per sample, no palette and no special chunks."""

    def plain() -> tf.Tensor:
        header = tf.cast(tf.io.decode_raw(tf.strings.substr(encoded, 16, 10), tf.uint8), tf.int64)
        sides = tf.reduce_sum(tf.reshape(header[:8], [2, 4]) * [2**24, 2**16, 2**8, 1], 1)
        depth, colours = header[8], header[9]
        small = tf.reduce_prod(sides) * 4 <= LARGE  # alpha is blended in floats
        return (depth == 8) & (colours != 3) & small & ~tf.strings.regex_full_match(encoded, PNG_NOTES)

    return tf.cond(_starts(encoded, PNG), plain, lambda: tf.constant(False))


def _jpeg(encoded: tf.Tensor, size: Sequence[int], channels: int, window: Window) -> tf.Tensor:
    """Decodes only the blocks of the window, and of a picture much larger than `size` only the lower frequencies."""
    cut = window(tf.io.extract_jpeg_shape(encoded)[:2])
    shrinks = tf.reduce_min(cut[2:] // tf.constant(size))

    def at(ratio: int) -> Callable[[], tf.Tensor]:
        return lambda: tf.io.decode_and_crop_jpeg(
            encoded, cut // ratio, channels=channels, ratio=ratio, dct_method="INTEGER_FAST"
        )

    halvings = tf.reduce_sum(tf.cast(shrinks >= [2, 4, 8], tf.int32))
    return tf.switch_case(halvings, [at(1), at(2), at(4), at(8)])


def to_channels(pixels: tf.Tensor, channels: int) -> tf.Tensor:
    """uint8 [h, w, 1, 3 or 4] -> uint8 [h, w, channels]"""
    if pixels.shape[-1] == channels:
        return pixels
    if pixels.shape[-1] == 1:
        return tf.repeat(pixels, channels, axis=-1)
    pixels = tf.cast(pixels, tf.float32)
    if pixels.shape[-1] == 4:
        alpha = pixels[..., 3:] / 255
        pixels = pixels[..., :3] * alpha + 255 * (1 - alpha)
    if channels == 1:
        pixels = tf.tensordot(pixels, LUMA, 1)[..., None]
    return tf.cast(tf.round(pixels), tf.uint8)


def _cut(pixels: tf.Tensor, window: Window) -> tf.Tensor:
    top, left, height, width = tf.unstack(window(tf.shape(pixels)[:2]))
    return pixels[top : top + height, left : left + width]


def _bytes(data: Any) -> bytes:
    return np.asarray(data, object).item()  # bytes, or an array of them outside of tf.data
