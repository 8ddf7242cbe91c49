"""Crops: which part of a picture the network sees.

A crop is a window (top, left, height, width) of the original picture. It is chosen before the picture is decoded, and
then resized to the network's input. Here `shape` is the picture's (height, width), int32 [2]; `size` that of the input;
`u` are numbers in [0, 1). What does not depend on the picture's shape is computed for many pictures at once (`plan`),
since some sixty operations on a few numbers take a tenth of the time of decoding.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import tensorflow as tf

from keras_cnns.data.augment.settings import Augment

ATTEMPTS = 10  # to find a random-resized crop that fits
NUMBERS = 4 * ATTEMPTS  # random numbers that one crop needs


def plan(u: tf.Tensor, how: Augment) -> tf.Tensor:
    """The part of the crops that does not depend on the shapes of the pictures, float32 [N, ...].

    u: random numbers [N, NUMBERS]. how: an `Augment`.
    """
    if how.crop == "random_resized":
        return attempts(u, how.area, how.ratio)
    return u[:, :3]


def window(shape: tf.Tensor, size: Sequence[int], how: Augment, planned: tf.Tensor) -> tf.Tensor:
    """The crop of a picture in training. planned: the picture's row of the result of `plan`."""
    if how.crop == "random_resized":
        return random_resized(shape, planned, how.ratio)
    if how.crop == "random":
        return random(shape, size, planned, how.scale)
    return fixed(how.crop, size, how.crop_fraction)(shape)


def fixed(crop: str, size: Sequence[int], fraction: float = 1.0) -> Callable[[tf.Tensor], tf.Tensor]:
    """The function from shape to window for evaluation: the whole picture if `crop` is "whole", else its centre."""
    return whole if crop == "whole" else partial(centre, size=size, fraction=fraction)


def whole(shape: tf.Tensor) -> tf.Tensor:
    """All of the picture, whatever its aspect."""
    return tf.concat([[0, 0], shape], 0)


def centre(shape: tf.Tensor, size: Sequence[int], fraction: float = 1.0) -> tf.Tensor:
    """The centred window with the aspect of `size` that covers `fraction` of the largest such window's side.

    "The short side resized to 256, the central 224 cropped" is fraction 224 / 256.
    """
    window = tf.round(fraction * _largest(shape, size))
    return _window((tf.cast(shape, tf.float32) - window) / 2, window, shape)


def random(shape: tf.Tensor, size: Sequence[int], u: tf.Tensor, scale: tuple[float, float]) -> tf.Tensor:
    """A random crop of the picture whose short side was resized to `scale` times the crop's; u: [3].

    AlexNet and VGG: short side 256, crop 224; with scale jitter, short side 256 to 480 (1409.1556, 3.1).
    """
    window = _largest(shape, size) / (scale[0] + u[0] * (scale[1] - scale[0]))
    return _window(u[1:] * (tf.cast(shape, tf.float32) - window + 1), window, shape)


def attempts(u: tf.Tensor, area: tuple[float, float], ratio: tuple[float, float]) -> tf.Tensor:
    """Windows with a random fraction of the area and a random aspect (1409.4842, 6); u: [N, 4 * ATTEMPTS].

    Returns:
      float32 [N, ATTEMPTS, 4]: height and width, relative to the square root of the picture's area, and the position of
      the corner, as fractions of its range.
    """
    u = tf.reshape(u, [-1, ATTEMPTS, 4])
    part = area[0] + u[..., 0] * (area[1] - area[0])
    low, high = math.log(ratio[0]), math.log(ratio[1])
    aspect = tf.exp(low + u[..., 1] * (high - low))
    return tf.concat([tf.sqrt(tf.stack([part / aspect, part * aspect], -1)), u[..., 2:]], -1)


def random_resized(shape: tf.Tensor, tried: tf.Tensor, ratio: tuple[float, float]) -> tf.Tensor:
    """The first window of `tried` [ATTEMPTS, 4] that fits into the picture.

    If none fits, it is the largest centred window of an allowed aspect.
    """
    sides = tf.cast(shape, tf.float32)
    windows = tf.round(tried[:, :2] * tf.sqrt(tf.reduce_prod(sides)))
    fits = tf.reduce_all(windows <= sides, 1)
    chosen = tf.argmax(fits)

    def fitting() -> tf.Tensor:
        window = tf.maximum(windows[chosen], 1.0)
        corner = tf.floor(tried[chosen, 2:] * (sides - window + 1))
        return tf.cast(tf.concat([tf.minimum(corner, sides - window), window], 0), tf.int32)

    def fallback() -> tf.Tensor:
        own = tf.clip_by_value(sides[1] / sides[0], ratio[0], ratio[1])
        last = _largest(shape, tf.stack([1.0, own]))
        return _window((sides - last) / 2, last, shape)

    return tf.cond(fits[chosen], fitting, fallback)


def _largest(shape: tf.Tensor, size: Sequence[int] | tf.Tensor) -> tf.Tensor:
    """Height and width of the largest window with the aspect of `size`."""
    shape, size = tf.cast(shape, tf.float32), tf.cast(size, tf.float32)
    return size * tf.reduce_min(shape / size)


def _window(corner: tf.Tensor, window: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    window = tf.clip_by_value(tf.cast(tf.round(window), tf.int32), 1, shape)
    return tf.concat([tf.clip_by_value(tf.cast(tf.floor(corner), tf.int32), 0, shape - window), window], 0)
