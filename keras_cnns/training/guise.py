"""The guise in which training sees a picture: an `Augment`'s settings applied, in their order.

What moves pixels is done one picture after the other, where it is decoded (`guise`). What only mirrors and colours is
left to the training device (`finish`), a batch at once: the processors that decode would spend a tenth to a third of
their time on it, an accelerator hardly notices.
"""

import math

import numpy as np
import tensorflow as tf

from keras_cnns.training import colour, policies
from keras_cnns.training.mix import MIXTURE, mix, mixture

ERASE_ATTEMPTS = 10
ERASE_AREA, ERASE_RATIO = (0.02, 0.4), (0.3, 1 / 0.3)
NUMBERS = 9  # that mirror, jitter, hue and PCA noise take


def guise(picture, how, dice):
    """One picture at the network's size, float32 [H, W, C] 0..255, in another guise of the same shape and range."""
    if how.pad:
        picture = shift(picture, how.pad, dice(2))
    if how.policy == "randaugment":
        picture = policies.randaugment(picture, how.layers, how.magnitude, dice)
    if how.policy == "autoaugment":
        picture = policies.autoaugment(picture, dice)
    if how.erase:
        picture = erase(picture, how.erase, dice(1 + 4 * ERASE_ATTEMPTS), dice.seed(1))
    return picture


def chance(how, size, dice):
    """What `finish` needs of one sample's chance, float32 [NUMBERS + MIXTURE]: numbers in [0, 1), and its mixture."""
    return tf.concat([dice(NUMBERS), mixture(how, size, dice) if how.mixes else tf.zeros(MIXTURE)], 0)


def finish(images, labels, chances, *, how, classes):
    """The rest of the guise, for a batch: images float32 [B, H, W, C], labels int64 [B], `chance` of each of them.

    Labels become one-hot, float32 [B, classes], where pictures are mixed.
    """
    if how.mirrors_or_colours:
        images = tf.vectorized_map(lambda one: coloured(*one, how), (images, chances[:, :NUMBERS]))
    if how.mixes:
        images, labels = mix(images, labels, chances[:, NUMBERS:], classes)
    return images, labels


def coloured(picture, u, how):
    """One picture, mirrored and in other colours; u: [NUMBERS]."""
    if how.mirror:
        picture = mirror(picture, u[0])
    if how.jitter:
        picture = colour.jitter(picture, how.jitter, u[1:5])
    if how.hue:
        picture = colour.clip(colour.hue(picture, how.hue * (2 * u[5] - 1)))
    if how.pca_noise:
        picture = colour.clip(colour.pca_noise(picture, how.pca_noise, u[6:]))
    return picture


def shift(picture, pad, u):
    """Pads `pad` black pixels on every side and crops the old size at a random place (1512.03385, 4.2); u: [2]."""
    height, width, channels = picture.shape
    top, left = tf.unstack(tf.cast(u * (2 * pad + 1), tf.int32))
    padded = tf.pad(picture, [[pad, pad], [pad, pad], [0, 0]])
    return tf.reshape(tf.slice(padded, [top, left, 0], [height, width, channels]), [height, width, channels])


def mirror(picture, u):
    """Left and right exchanged for half of all u."""
    return tf.where(u < 0.5, tf.reverse(picture, [1]), picture)


def erase(picture, probability, u, seed):
    """Random erasing (1708.04896, Algorithm 1): noise in a rectangle of 2 to 40 % of the area; u: [1 + 4 * attempts].

    The first rectangle that fits is taken; in the rare case that none does, nothing is erased.
    """
    height, width, channels = picture.shape
    chance, u = u[0], tf.reshape(u[1:], [ERASE_ATTEMPTS, 4])
    area = height * width * (ERASE_AREA[0] + u[:, 0] * (ERASE_AREA[1] - ERASE_AREA[0]))
    low, high = math.log(ERASE_RATIO[0]), math.log(ERASE_RATIO[1])
    ratio = tf.exp(low + u[:, 1] * (high - low))
    sides = tf.round(tf.stack([tf.sqrt(area * ratio), tf.sqrt(area / ratio)], 1))
    fits = tf.reduce_all(sides < [height, width], 1)
    chosen = tf.argmax(fits)
    corner = tf.floor(u[chosen, 2:] * ([height, width] - sides[chosen] + 1))

    def erased():
        noise = tf.random.stateless_uniform([height, width, channels], seed, 0, 255, alg="philox")
        return picture + rectangle(picture.shape, corner, corner + sides[chosen]) * (noise - picture)

    return tf.cond((chance < probability) & tf.reduce_any(fits), erased, lambda: picture)


def rectangle(shape, first, last):
    """Ones in rows first[0] up to last[0] (not included) and columns first[1] up to last[1], else zeros: [H, W, C]."""
    height, width, channels = shape
    rows, columns = np.arange(height, dtype=np.float32), np.repeat(np.arange(width, dtype=np.float32), channels)
    inside = ((rows >= first[0]) & (rows < last[0]))[:, None] & ((columns >= first[1]) & (columns < last[1]))[None]
    return tf.reshape(tf.cast(inside, tf.float32), shape)
