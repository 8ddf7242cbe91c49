"""AutoAugment's operations and its ImageNet policy (1805.09501, Tables 6 and 9), and RandAugment (1909.13719).

Every operation takes (picture, strength, sign): float32 [H, W, C] with whole numbers 0..255, 0 for the weakest and 1
for the strongest setting of Table 6, and -1 or 1 for the direction. Posterize and Solarize grow with the strength too.
Uncovered parts become grey, and the nearest pixel is taken, as in the authors' code.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from keras_cnns.data.augment import colour
from keras_cnns.data.augment.random import Random

GREY = 128.0
Scalar: TypeAlias = tf.Tensor | float


def auto_contrast(picture: tf.Tensor, strength: Scalar | None = None, sign: Scalar | None = None) -> tf.Tensor:
    """Every channel stretched to 0..255."""
    height, width, channels = picture.shape
    rows = tf.reshape(picture, [height, width * channels])
    low = tf.reduce_min(tf.reshape(tf.reduce_min(rows, 0), [width, channels]), 0)
    high = tf.reduce_max(tf.reshape(tf.reduce_max(rows, 0), [width, channels]), 0)
    factor = tf.where(high > low, 255 / (high - low), 1.0)
    offset = tf.where(high > low, 1e-3 - low * factor, 0.0)
    return tf.floor(colour.add(tf.reshape(rows * tf.tile(factor, [width]), picture.shape), offset))


def equalize(picture: tf.Tensor, strength: Scalar | None = None, sign: Scalar | None = None) -> tf.Tensor:
    """Equalizes the histogram of each channel. All channels share one count and one table, which is faster."""
    height, width, channels = picture.shape
    first = tf.tile(tf.range(0, 256 * channels, 256), [width])
    values = tf.reshape(tf.cast(picture, tf.int32), [height, width * channels]) + first
    histogram = tf.math.unsorted_segment_sum(tf.ones_like(values), values, 256 * channels)
    histogram = tf.reshape(histogram, [channels, 256])
    brightest = tf.reduce_max(tf.where(histogram > 0, tf.range(256), 0), 1)
    step = (height * width - tf.gather(histogram, brightest, axis=1, batch_dims=1)[:, None]) // 255
    even = tf.minimum((tf.cumsum(histogram, axis=1, exclusive=True) + step // 2) // tf.maximum(step, 1), 255)
    table = tf.cast(tf.where(step == 0, tf.range(256), even), tf.float32)
    return tf.reshape(tf.gather(tf.reshape(table, [-1]), values), picture.shape)


def invert(picture: tf.Tensor, strength: Scalar | None = None, sign: Scalar | None = None) -> tf.Tensor:
    return 255 - picture


def posterize(picture: tf.Tensor, strength: Scalar, sign: Scalar | None = None) -> tf.Tensor:
    """Keeps 8 to 4 bits."""
    step = 2.0 ** tf.round(4.0 * strength)
    return tf.floor(picture / step) * step


def solarize(picture: tf.Tensor, strength: Scalar, sign: Scalar | None = None) -> tf.Tensor:
    """Inverts what is brighter than 256 to 0."""
    bright = tf.cast(picture >= 256 * (1 - strength), tf.float32)
    return picture + bright * (255 - 2 * picture)  # several times faster than tf.where


def color(picture: tf.Tensor, strength: Scalar, sign: Scalar) -> tf.Tensor:
    return colour.saturation(picture, 1 + 0.9 * strength * sign)


def contrast(picture: tf.Tensor, strength: Scalar, sign: Scalar) -> tf.Tensor:
    return colour.contrast(picture, 1 + 0.9 * strength * sign)


def brightness(picture: tf.Tensor, strength: Scalar, sign: Scalar) -> tf.Tensor:
    return colour.brightness(picture, 1 + 0.9 * strength * sign)


def sharpness(picture: tf.Tensor, strength: Scalar, sign: Scalar) -> tf.Tensor:
    """Away from or towards a 3x3 smoothing; the outermost pixels stay."""
    inner = picture[1:-1, 1:-1]
    rows = picture[:-2] + picture[1:-1] + picture[2:]
    smooth = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] + 4 * inner) / 13
    change = tf.pad(inner - smooth, [[1, 1], [1, 1], [0, 0]])
    return picture + 0.9 * strength * sign * change


def rotate(picture: tf.Tensor, strength: Scalar, sign: Scalar) -> tf.Tensor:
    """By up to 30 degrees about the centre, counter-clockwise for sign 1."""
    height, width, _ = picture.shape
    angle = strength * sign * math.radians(30)
    cos, sin = tf.cos(angle), tf.sin(angle)
    x, y = width / 2, height / 2
    return affine(picture, (cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos))


def shear_x(picture: tf.Tensor, strength: Scalar, sign: Scalar) -> tf.Tensor:
    return affine(picture, (1.0, 0.3 * strength * sign, 0.0, 0.0, 1.0, 0.0))


def shear_y(picture: tf.Tensor, strength: Scalar, sign: Scalar) -> tf.Tensor:
    return affine(picture, (1.0, 0.0, 0.0, 0.3 * strength * sign, 1.0, 0.0))


def translate_x(picture: tf.Tensor, strength: Scalar, sign: Scalar) -> tf.Tensor:
    """By up to 150 / 331 of the width, Table 6's 150 pixels of the network's 331."""
    return affine(picture, (1.0, 0.0, 150 / 331 * picture.shape[1] * strength * sign, 0.0, 1.0, 0.0))


def translate_y(picture: tf.Tensor, strength: Scalar, sign: Scalar) -> tf.Tensor:
    return affine(picture, (1.0, 0.0, 0.0, 0.0, 1.0, 150 / 331 * picture.shape[0] * strength * sign))


def affine(picture: tf.Tensor, matrix: Sequence[Scalar]) -> tf.Tensor:
    """Output point (x, y) shows the input's (a x + b y + c, d x + e y + f); pixel i covers i to i + 1.

    Pixels are gathered by their number: three times as fast as TensorFlow's own ImageProjectiveTransformV3.
    """
    height, width, channels = picture.shape
    a, b, c, d, e, f = (tf.cast(value, tf.float32) for value in matrix)
    x, y = np.arange(width, dtype=np.float32) + 0.5, np.arange(height, dtype=np.float32)[:, None] + 0.5
    column, row = tf.floor(a * x + (b * y + c)), tf.floor(d * x + (e * y + f))
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    number = tf.where(inside, row * width + column, height * width)  # the value after the last pixel is the fill
    pixels = tf.concat([tf.reshape(picture, [-1, channels]), tf.fill([1, channels], GREY)], 0)
    return tf.gather(pixels, tf.cast(number, tf.int32))


def identity(picture: tf.Tensor, strength: Scalar | None = None, sign: Scalar | None = None) -> tf.Tensor:
    return picture


OPERATIONS = {
    "Identity": identity,
    "AutoContrast": auto_contrast,
    "Equalize": equalize,
    "Rotate": rotate,
    "Solarize": solarize,
    "Color": color,
    "Posterize": posterize,
    "Contrast": contrast,
    "Brightness": brightness,
    "Sharpness": sharpness,
    "ShearX": shear_x,
    "ShearY": shear_y,
    "TranslateX": translate_x,
    "TranslateY": translate_y,
    "Invert": invert,
}
RANDAUGMENT = 14  # RandAugment uses the first ones

# AutoAugment's Table 9: two operations a row, each with its probability and magnitude (0..9).
IMAGENET = (
    (("Posterize", 0.4, 8), ("Rotate", 0.6, 9)),
    (("Solarize", 0.6, 5), ("AutoContrast", 0.6, 5)),
    (("Equalize", 0.8, 8), ("Equalize", 0.6, 3)),
    (("Posterize", 0.6, 7), ("Posterize", 0.6, 6)),
    (("Equalize", 0.4, 7), ("Solarize", 0.2, 4)),
    (("Equalize", 0.4, 4), ("Rotate", 0.8, 8)),
    (("Solarize", 0.6, 3), ("Equalize", 0.6, 7)),
    (("Posterize", 0.8, 5), ("Equalize", 1.0, 2)),
    (("Rotate", 0.2, 3), ("Solarize", 0.6, 8)),
    (("Equalize", 0.6, 8), ("Posterize", 0.4, 6)),
    (("Rotate", 0.8, 8), ("Color", 0.4, 0)),
    (("Rotate", 0.4, 9), ("Equalize", 0.6, 2)),
    (("Equalize", 0.0, 7), ("Equalize", 0.8, 8)),
    (("Invert", 0.6, 4), ("Equalize", 1.0, 8)),
    (("Color", 0.6, 4), ("Contrast", 1.0, 8)),
    (("Rotate", 0.8, 8), ("Color", 1.0, 2)),
    (("Color", 0.8, 8), ("Solarize", 0.8, 7)),
    (("Sharpness", 0.4, 7), ("Invert", 0.6, 8)),
    (("ShearX", 0.6, 5), ("Equalize", 1.0, 9)),
    (("Color", 0.4, 0), ("Equalize", 0.6, 3)),
    (("Equalize", 0.4, 7), ("Solarize", 0.2, 4)),
    (("Solarize", 0.6, 5), ("AutoContrast", 0.6, 5)),
    (("Invert", 0.6, 4), ("Equalize", 1.0, 8)),
    (("Color", 0.6, 4), ("Contrast", 1.0, 8)),
    (("Equalize", 0.8, 8), ("Equalize", 0.6, 3)),
)


def randaugment(picture: tf.Tensor, layers: int, magnitude: float, random: Random) -> tf.Tensor:
    """`layers` (N) operations in a row, each drawn from the 14, all at `magnitude` (M) of 10."""
    picture = tf.round(colour.clip(picture))
    for _ in range(layers):
        u = random(2)
        picture = _apply(picture, tf.cast(u[0] * RANDAUGMENT, tf.int32), tf.minimum(magnitude / 10, 2.0), u[1])
    return picture


def autoaugment(picture: tf.Tensor, random: Random) -> tf.Tensor:
    """One of the 25 rows of the ImageNet policy."""
    names = list(OPERATIONS)
    table = np.array([[(names.index(name), *numbers) for name, *numbers in row] for row in IMAGENET], np.float32)
    row = tf.gather(table, tf.cast(random.one() * len(IMAGENET), tf.int32))
    picture = tf.round(colour.clip(picture))
    for operation, probability, magnitude in map(tf.unstack, tf.unstack(row)):
        u = random(2)
        operation = tf.where(u[0] < probability, operation, names.index("Identity"))
        picture = _apply(picture, tf.cast(operation, tf.int32), magnitude / 9, u[1])
    return picture


def _apply(picture: tf.Tensor, operation: tf.Tensor, strength: Scalar, u: tf.Tensor) -> tf.Tensor:
    sign = tf.where(u < 0.5, -1.0, 1.0)
    branches = [lambda f=f: tf.round(colour.clip(f(picture, strength, sign))) for f in OPERATIONS.values()]
    return tf.ensure_shape(tf.switch_case(operation, branches), picture.shape)
