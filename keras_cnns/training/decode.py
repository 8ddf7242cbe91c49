"""Encoded picture -> pixels: only the window that is wanted, and for JPEG without decoding the rest."""

import tensorflow as tf

LUMA = (0.299, 0.587, 0.114)  # ITU-R 601, as JPEG has it


def decode(encoded, channels, window=None):
    """The window of an encoded picture, resolved to grey or RGB.

    Args:
      encoded: a JPEG, PNG, BMP or GIF file (its first frame) as a string scalar, or pixels uint8 [h, w, 1 or 3].
      channels: 1 or 3. Grey pictures are repeated, colours become their luma, transparency shows white,
        CMYK becomes RGB.
      window: (height and width [2] int32 -> (top, left, height, width) [4] int32); None for the whole picture.

    Returns:
      uint8 [height, width, channels]
    """
    window = window or (lambda shape: tf.concat([[0, 0], shape], 0))
    if encoded.dtype != tf.string:
        return _cut(_channels(encoded, channels), window)
    return tf.cond(
        tf.strings.substr(encoded, 0, 3) == b"\xff\xd8\xff",
        lambda: _jpeg(encoded, channels, window),
        lambda: _cut(_other(encoded, channels), window),
    )


def _jpeg(encoded, channels, window):
    shape = tf.io.extract_jpeg_shape(encoded)[:2]
    return tf.io.decode_and_crop_jpeg(encoded, window(shape), channels=channels, dct_method="INTEGER_FAST")


def _other(encoded, channels):
    return tf.cond(
        tf.strings.substr(encoded, 0, 4) == b"\x89PNG",
        lambda: _channels(tf.io.decode_png(encoded, channels=4), channels),
        lambda: _channels(tf.io.decode_image(encoded, channels=3, expand_animations=False), channels),
    )


def _channels(picture, channels):
    """uint8 [h, w, 1, 3 or 4] -> uint8 [h, w, channels]"""
    if picture.shape[-1] == channels:
        return picture
    if picture.shape[-1] == 4:
        picture, alpha = tf.cast(picture[..., :3], tf.float32), tf.cast(picture[..., 3:], tf.float32) / 255
        picture = tf.cast(tf.round(picture * alpha + 255 * (1 - alpha)), tf.uint8)
    if channels == 1:
        return tf.cast(tf.round(tf.tensordot(tf.cast(picture, tf.float32), LUMA, 1)[..., None]), tf.uint8)
    return tf.repeat(picture, channels, axis=-1) if picture.shape[-1] == 1 else picture


def _cut(picture, window):
    top, left, height, width = tf.unstack(window(tf.shape(picture)[:2]))
    return picture[top : top + height, left : left + width]
