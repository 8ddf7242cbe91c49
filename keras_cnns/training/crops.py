"""Which part of a picture the network sees.

A crop is a window (top, left, height, width) of the original picture, chosen before it is decoded; the window is then
resized to the network's input.
"""

import tensorflow as tf


def centre(shape, size, fraction=1.0):
    """The centred window with the aspect of `size` that covers `fraction` of the largest such window.

    Keras's and the papers' "resize the short side to 256, take the central 224" is fraction 224 / 256.
    """
    window = fraction * _largest(shape, size)
    return _rounded((tf.cast(shape, tf.float32) - window) / 2, window, shape)


def whole(shape, size):
    """All of the picture, whatever its aspect."""
    del size
    return tf.concat([[0, 0], shape], 0)


def _largest(shape, size):
    """Height and width of the largest window with the aspect of `size`."""
    shape, size = tf.cast(shape, tf.float32), tf.cast(size, tf.float32)
    return size * tf.reduce_min(shape / size)


def _rounded(corner, window, shape):
    window = tf.clip_by_value(tf.cast(tf.round(window), tf.int32), 1, shape)
    return tf.concat([tf.clip_by_value(tf.cast(tf.floor(corner), tf.int32), 0, shape - window), window], 0)
