"""Encoded picture -> pixels at the network's size, decoding no more of it than is seen."""

import io
from functools import partial

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

LUMA = (0.299, 0.587, 0.114)  # ITU-R 601, as JPEG has it
JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG"
HEADER, EXIF = 64, r"\C*Exif\C*"  # where in a JPEG, after other markers, a camera notes how it was held
ORIENTATION = 0x0112  # EXIF's tag; 1: upright


def picture(encoded, size, channels, window):
    """The window of an encoded picture, resized.

    Args:
      encoded: a JPEG (turned as its EXIF says), PNG, BMP, GIF (its first frame) or WebP file as a string scalar, or
        pixels uint8 [h, w, 1 or 3].
      size: (height, width) of the result.
      channels: 1 or 3. Grey pictures are repeated, colours become their luma, transparency shows white, CMYK becomes
        RGB.
      window: height and width [2] int32 -> (top, left, height, width) [4] int32, see `crops.py`.

    Returns:
      float32 [*size, channels] in 0..255; bilinear, and the mean of the covered pixels where it shrinks by 2 or more.
    """
    pixels = tf.cast(decode(encoded, size, channels, window), tf.float32)  # floats are resized twice as fast
    shrinks = tf.reduce_all(tf.shape(pixels)[:2] >= 2 * tf.constant(size))
    resized = tf.cond(
        shrinks,
        lambda: tf.image.resize(pixels, size, method="area"),
        lambda: tf.image.resize(pixels, size),
    )
    return tf.ensure_shape(resized, [*size, channels])


def decode(encoded, size, channels, window):
    """The window at its own size, or at a half, quarter or eighth that is not below `size`: uint8 [h, w, channels]."""
    if encoded.dtype != tf.string:
        return _cut(to_channels(encoded, channels), window)
    return tf.cond(
        (tf.strings.substr(encoded, 0, 3) == JPEG) & ~turned(encoded),
        lambda: _jpeg(encoded, size, channels, window),
        lambda: _cut(_other(encoded, channels), window),
    )


def turned(encoded):
    """Whether a JPEG's EXIF says that it is to be turned or mirrored before it is shown; bool scalar."""
    noted = tf.strings.regex_full_match(tf.strings.substr(encoded, 0, HEADER), EXIF)

    def orientation(data):
        try:
            return np.bool_(_opened(data).getexif().get(ORIENTATION, 1) in range(2, 9))
        except Exception:  # whatever is wrong with it is said where it is decoded
            return np.bool_(False)

    asked = partial(tf.numpy_function, orientation, [encoded], tf.bool)
    return tf.cond(noted, lambda: tf.ensure_shape(asked(), []), lambda: tf.constant(False))


def _jpeg(encoded, size, channels, window):
    """Only the window's blocks are decoded, and of a photograph much larger than `size` only the lower frequencies."""
    cut = window(tf.io.extract_jpeg_shape(encoded)[:2])
    shrinks = tf.reduce_min(cut[2:] // tf.constant(size))

    def at(ratio):
        options = dict(
            channels=3, ratio=ratio, dct_method="INTEGER_FAST"
        )  # 3: the operation cannot turn CMYK into grey
        return lambda: tf.io.decode_and_crop_jpeg(encoded, cut // ratio, **options)

    halvings = tf.reduce_sum(tf.cast(shrinks >= [2, 4, 8], tf.int32))
    return to_channels(tf.switch_case(halvings, [at(1), at(2), at(4), at(8)]), channels)


def _other(encoded, channels):
    start = tf.strings.substr(encoded, 0, 4)
    with_pillow = (start == b"RIFF") | (tf.strings.substr(encoded, 0, 3) == JPEG)  # a WebP, or a JPEG to be turned
    pixels = tf.case(
        [
            (start == PNG, lambda: tf.io.decode_png(encoded, channels=4)),
            (with_pillow, lambda: tf.ensure_shape(tf.numpy_function(pillow, [encoded], tf.uint8), [None, None, 4])),
        ],
        default=lambda: _opaque(tf.io.decode_image(encoded, channels=3, expand_animations=False)),
    )
    return to_channels(pixels, channels)


def pillow(encoded):
    """What TensorFlow cannot decode, or not upright: uint8 [h, w, 4]."""
    image = ImageOps.exif_transpose(_opened(encoded))
    return np.array(image if image.mode == "RGBA" else image.convert("RGB").convert("RGBA"))


def _opened(encoded):
    return Image.open(io.BytesIO(np.asarray(encoded, object).item()))  # bytes, or an array of them outside of tf.data


def _opaque(pixels):
    return tf.concat([pixels, tf.fill([*tf.unstack(tf.shape(pixels)[:2]), 1], tf.constant(255, tf.uint8))], -1)


def to_channels(pixels, channels):
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


def _cut(pixels, window):
    top, left, height, width = tf.unstack(window(tf.shape(pixels)[:2]))
    return pixels[top : top + height, left : left + width]
