"""MixUp (1710.09412) and CutMix (1905.04899): a picture and its label are mixed with those of another.

Samples 2 k and 2 k + 1 of a batch are mixed with each other (the last of an odd batch is not mixed), so the result is
the same for any number of replicas with even shares. Every sample draws its own mixture.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from keras_cnns.data.augment.random import Random, seed
from keras_cnns.data.augment.settings import Augment

MIXTURE = 5  # numbers of one sample's mixture


def mixture(how: Augment, size: Sequence[int], random: Random) -> tf.Tensor:
    """The mixture of one sample, float32 [5]: a fraction, and a rectangle (top, left, bottom, right).

    Inside the rectangle the result shows the partner; outside of it, the sample counts by the fraction.
    """
    size = tf.cast(size, tf.float32)
    alphas = [alpha for alpha in (how.mixup, how.cutmix) if alpha]
    first = random.one() < 0.5 if len(alphas) == 2 else tf.constant(bool(how.mixup))
    alpha = tf.where(first, alphas[0], alphas[-1])
    kept, u = beta(alpha, seed(random(2))), random(2)
    middle, half = u * size, tf.sqrt(1 - kept) * size / 2
    corners = tf.round(tf.clip_by_value(tf.stack([middle - half, middle + half]), 0, size))
    cut = tf.concat([[1.0], tf.reshape(corners, [4])], 0)
    return tf.where(first, tf.concat([kept[None], tf.zeros(4)], 0), cut)


def beta(alpha: tf.Tensor | float, stem: tf.Tensor) -> tf.Tensor:
    """One number from Beta(alpha, alpha), drawn as the share of two gammas."""
    gammas = tf.random.stateless_gamma([2], stem, tf.cast(alpha, tf.float64), dtype=tf.float64)
    return tf.cast(tf.where(tf.reduce_sum(gammas) > 0, gammas[0] / tf.reduce_sum(gammas), 0.5), tf.float32)


def mix(images: tf.Tensor, labels: tf.Tensor, mixtures: tf.Tensor, classes: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Mixes a batch: images float32 [B, H, W, C], labels int64 [B] or float32 [B, classes], mixtures [B, 5].

    Returns:
      (images, labels float32 [B, classes]). A label counts by the fraction of the picture that shows it.
    """
    count, (height, width, channels) = tf.shape(images)[0], images.shape[1:]
    partner = tf.minimum(tf.bitwise.bitwise_xor(tf.range(count), 1), count - 1)
    rows, columns = np.arange(height, dtype=np.float32), np.repeat(np.arange(width, dtype=np.float32), channels)
    kept, top, left, bottom, right = (column[:, None] for column in tf.unstack(mixtures, axis=1))
    cut = ((rows >= top) & (rows < bottom))[:, :, None] & ((columns >= left) & (columns < right))[:, None, :]
    share = kept[:, :, None] * (1 - tf.cast(cut, tf.float32))  # of every number in the picture: [B, H, W * C]
    flat = tf.reshape(images, [-1, height, width * channels])
    others = tf.gather(flat, partner)
    images = tf.reshape(others + share * (flat - others), tf.shape(images))
    seen = tf.reduce_mean(share, (1, 2))[:, None]
    labels = labels if labels.shape.rank == 2 else tf.one_hot(labels, classes)
    return images, labels * seen + tf.gather(labels, partner) * (1 - seen)
