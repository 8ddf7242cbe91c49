"""Colours: brightness, contrast, saturation, hue, and AlexNet's noise along the principal components.

Pictures are float32 [H, W, C] in 0..255; factors of 1 change nothing. Grey pictures have no saturation and no hue.
"""

import itertools

import tensorflow as tf

LUMA = (0.299, 0.587, 0.114)  # ITU-R 601, as in JPEG
# The covariance of ImageNet's RGB values, scaled to 0..1: its eigenvalues, and its eigenvectors, one a column.
PCA_VALUES = (0.2175, 0.0188, 0.0045)
PCA_VECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))
ORDERS = tuple(itertools.permutations(range(3)))  # of brightness, contrast and saturation


def jitter(picture: tf.Tensor, strength: float, u: tf.Tensor) -> tf.Tensor:
    """Brightness, contrast and saturation by factors of 1 +- strength, in random order (1312.5402, 2); u: [4].

    All three are linear in a pixel's colour, so they become one matrix and one offset, and the picture is touched once.
    """
    channels, same = picture.shape[-1], tf.eye(picture.shape[-1])
    weights = tf.constant(LUMA if channels == 3 else (1.0,))
    mean, matrix, offset = mean_colour(picture), same, tf.zeros([channels])
    for which in tf.unstack(tf.gather(ORDERS, tf.cast(u[3] * len(ORDERS), tf.int32))):
        keep = 1 + strength * (2 * tf.gather(u, which) - 1)
        grey_of_mean = tf.reduce_sum(weights * (tf.linalg.matvec(matrix, mean) + offset))
        towards = tf.where(which == 2, tf.ones([channels, 1]) * weights, 0.0)  # saturation: each pixel's own grey
        step = keep * same + (1 - keep) * towards
        level = tf.where(which == 1, (1 - keep) * grey_of_mean, 0.0)  # contrast: the mean grey; brightness: black
        matrix, offset = step @ matrix, tf.linalg.matvec(step, offset) + level
    changed = tf.matmul(tf.reshape(picture, [-1, channels]), matrix, transpose_b=True)
    return clip(add(tf.reshape(changed, picture.shape), offset))


def brightness(picture: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    return picture * factor


def contrast(picture: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    mean = tf.reduce_mean(grey(picture))
    return mean + factor * (picture - mean)


def saturation(picture: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    if picture.shape[-1] == 1:
        return picture
    return tf.matmul(picture, factor * tf.eye(3) + (1 - factor) * tf.constant(LUMA)[:, None])


def hue(picture: tf.Tensor, turn: tf.Tensor | float) -> tf.Tensor:
    """turn: part of the colour circle, -0.5..0.5."""
    if picture.shape[-1] == 1:
        return picture
    red, green, blue = tf.unstack(picture, axis=-1)
    value = tf.maximum(tf.maximum(red, green), blue)
    chroma = value - tf.minimum(tf.minimum(red, green), blue)
    part = tf.where(
        value == red, green - blue, tf.where(value == green, blue - red + 2 * chroma, red - green + 4 * chroma)
    )
    sixth = tf.math.divide_no_nan(part, chroma) + 6 * turn  # of the circle: red 0, green 2, blue 4
    away = tf.math.floormod(sixth[..., None] + tf.constant([5.0, 3.0, 1.0]), 6.0)
    return value[..., None] - chroma[..., None] * tf.clip_by_value(tf.minimum(away, 4 - away), 0, 1)


def pca_noise(picture: tf.Tensor, deviation: float, u: tf.Tensor) -> tf.Tensor:
    """One colour added to the whole picture (Krizhevsky et al. 2012, 4.1); u: [3]."""
    if picture.shape[-1] == 1:
        return picture
    normal = tf.math.ndtri(tf.clip_by_value(u, 1e-6, 1 - 1e-6))
    return add(picture, 255 * tf.linalg.matvec(PCA_VECTORS, deviation * normal * PCA_VALUES))


def add(picture: tf.Tensor, change: tf.Tensor) -> tf.Tensor:
    """One colour added to every pixel; a row at once, since three numbers at once take three times as long."""
    height, width, channels = picture.shape
    return tf.reshape(tf.reshape(picture, [height, width * channels]) + tf.tile(change, [width]), picture.shape)


def mean_colour(picture: tf.Tensor) -> tf.Tensor:
    """float32 [C]; the rows first, which is twice as fast as both directions at once."""
    height, width, channels = picture.shape
    row = tf.reduce_mean(tf.reshape(picture, [height, width * channels]), 0)
    return tf.reduce_mean(tf.reshape(row, [width, channels]), 0)


def grey(picture: tf.Tensor) -> tf.Tensor:
    """float32 [H, W, 1]"""
    return picture if picture.shape[-1] == 1 else tf.tensordot(picture, LUMA, 1)[..., None]


def blend(first: tf.Tensor, second: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """`first` at factor 0, `second` at 1, and beyond on both sides."""
    return first + factor * (second - first)


def clip(picture: tf.Tensor) -> tf.Tensor:
    """To 0..255, in one pass: tf.clip_by_value takes two."""
    return tf.raw_ops.ClipByValue(t=picture, clip_value_min=0.0, clip_value_max=255.0)
