"""What training does to a picture, as the papers say it: the settings, and the order in which they are applied."""

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Augment:
    """The settings of one recipe; the defaults do nothing.

    pad: shifts by up to so many pixels, what is uncovered is black ("pad and random crop", 1512.03385, 4.2).
    mirror: left and right exchanged for every second picture. Not for digits and letters.
    """

    pad: int = 0
    mirror: bool = False


def augment(picture, how, dice):
    """One picture, float32 [H, W, C] 0..255, at the network's size."""
    if how.pad:
        picture = shift(picture, how.pad, dice(2))
    if how.mirror:
        picture = mirror(picture, dice.one())
    return picture


def shift(picture, pad, u):
    """Pads `pad` black pixels on every side and crops the old size at a random place; u: [2]."""
    height, width, channels = picture.shape
    top, left = tf.unstack(tf.cast(u * (2 * pad + 1), tf.int32))
    padded = tf.pad(picture, [[pad, pad], [pad, pad], [0, 0]])
    return tf.reshape(tf.slice(padded, [top, left, 0], [height, width, channels]), [height, width, channels])


def mirror(picture, u):
    """Left and right exchanged for half of all u."""
    return tf.cond(u < 0.5, lambda: tf.reverse(picture, [1]), lambda: picture)
