"""Which part of a picture the network sees.

A crop is a window (top, left, height, width) of the original picture, chosen before it is decoded; the window is then
resized to the network's input. Here `shape` is the picture's (height, width), int32 [2]; `size` the input's; `u` are
numbers in [0, 1).
"""

import tensorflow as tf

ATTEMPTS = 10  # at a random-resized crop that fits


def window(shape, size, how, dice):
    """The window that the settings `how` (an `Augment`) ask for in training."""
    if how.crop == "random_resized":
        return random_resized(shape, size, dice(4 * ATTEMPTS), how.area, how.ratio)
    if how.crop == "random":
        return random(shape, size, dice(3), how.scale)
    return whole(shape) if how.crop == "whole" else centre(shape, size, how.crop_fraction)


def whole(shape):
    """All of the picture, whatever its aspect."""
    return tf.concat([[0, 0], shape], 0)


def centre(shape, size, fraction=1.0):
    """The centred window with the aspect of `size` that covers `fraction` of the largest such window's side.

    "The short side resized to 256, the central 224 cropped" is fraction 224 / 256.
    """
    window = tf.round(fraction * _largest(shape, size))
    return _window((tf.cast(shape, tf.float32) - window) / 2, window, shape)


def random(shape, size, u, scale):
    """A random crop of the picture whose short side was resized to `scale` times the crop's; u: [3].

    AlexNet and VGG: short side 256, crop 224; with scale jitter, short side 256 to 480 (1409.1556, 3.1).
    """
    window = _largest(shape, size) / (scale[0] + u[0] * (scale[1] - scale[0]))
    return _window(u[1:] * (tf.cast(shape, tf.float32) - window + 1), window, shape)


def random_resized(shape, size, u, area, ratio):
    """A random part of the area with a random aspect (1409.4842, 6); u: [4 * ATTEMPTS].

    The first attempt that fits is taken, and where none does, the largest centred window with an allowed aspect.
    """
    del size  # any aspect is resized to it
    u, sides = tf.reshape(u, [ATTEMPTS, 4]), tf.cast(shape, tf.float32)
    pixels = tf.reduce_prod(sides) * (area[0] + u[:, 0] * (area[1] - area[0]))
    low, high = tf.math.log(ratio[0]), tf.math.log(ratio[1])
    aspect = tf.exp(low + u[:, 1] * (high - low))
    windows = tf.round(tf.stack([tf.sqrt(pixels / aspect), tf.sqrt(pixels * aspect)], 1))
    fits = tf.reduce_all((windows <= sides) & (windows >= 1), 1)
    corners = tf.floor(u[:, 2:] * (sides - windows + 1))
    own = tf.clip_by_value(sides[1] / sides[0], ratio[0], ratio[1])
    last = _largest(shape, tf.stack([1.0, own]))
    windows, corners = tf.concat([windows, last[None]], 0), tf.concat([corners, (sides - last)[None] / 2], 0)
    chosen = tf.argmax(tf.concat([fits, [True]], 0))
    return _window(corners[chosen], windows[chosen], shape)


def _largest(shape, size):
    """Height and width of the largest window with the aspect of `size`."""
    shape, size = tf.cast(shape, tf.float32), tf.cast(size, tf.float32)
    return size * tf.reduce_min(shape / size)


def _window(corner, window, shape):
    window = tf.clip_by_value(tf.cast(tf.round(window), tf.int32), 1, shape)
    return tf.concat([tf.clip_by_value(tf.cast(tf.floor(corner), tf.int32), 0, shape - window), window], 0)
