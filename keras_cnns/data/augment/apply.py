"""The augmentation of labelled pictures after the crop: the settings of an `Augment` applied in their order.

The random numbers are drawn where a picture is decoded (`chance`). The rest is computed on the training device, for a
batch at once (`finish`): on the CPUs that decode, it would take up to as long as decoding.
"""

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from keras_cnns.data.augment import colour, policies
from keras_cnns.data.augment.mix import MIXTURE, mix, mixture
from keras_cnns.data.augment.random import Random, seed
from keras_cnns.data.augment.settings import Augment

ERASE_ATTEMPTS = 10
ERASE_AREA, ERASE_RATIO = (0.02, 0.4), (0.3, 1 / 0.3)


def chance(how: Augment, size: Sequence[int], random: Random) -> tf.Tensor:
    """The random numbers of one sample for `finish`, float32 [N]; if pictures are mixed, the first are for that."""
    mixed = [mixture(how, size, random)] if how.mixes else []
    return tf.concat([*mixed, random.numbers], 0)


def finish(
    images: tf.Tensor, labels: tf.Tensor, chances: tf.Tensor, *, how: Augment, classes: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Augments a batch: images float32 [B, H, W, C], labels int64 [B], and the numbers that `chance` drew for each.

    Labels become one-hot, float32 [B, classes], where pictures are mixed.
    """
    mixtures, numbers = chances[:, :MIXTURE], chances[:, MIXTURE * how.mixes :]
    if how.changes:
        noises = [noise(images.shape[1:], seed(numbers[:, -2:]))] if how.erase else []
        parts = (images, numbers[:, :-2], *noises)
        # with the fallback an operation might run picture by picture unnoticed, which fails for empty batches
        images = tf.vectorized_map(
            lambda example: augmented(example[0], how, Random(example[1]), *example[2:]),
            parts,
            fallback_to_while_loop=False,
        )
    return mix(images, labels, mixtures, classes) if how.mixes else (images, labels)


def augmented(picture: tf.Tensor, how: Augment, random: Random, noise: tf.Tensor | None = None) -> tf.Tensor:
    """Augments one picture at the network's size, float32 [H, W, C] in 0..255. Shape and range stay the same.

    noise: a picture of the same shape and range, shown where random erasing erases.
    """
    if how.pad:
        picture = shift(picture, how.pad, random(2))
    if how.distort:
        picture = distort(picture, how.distort, random(3))
    if how.policy == "randaugment":
        picture = policies.randaugment(picture, how.layers, how.magnitude, random)
    if how.policy == "autoaugment":
        picture = policies.autoaugment(picture, random)
    if how.erase:
        picture = erase(picture, how.erase, random(1 + 4 * ERASE_ATTEMPTS), noise)
    if how.mirror:
        picture = mirror(picture, random.one())
    if how.jitter:
        picture = colour.jitter(picture, how.jitter, random(4))
    if how.hue:
        picture = colour.clip(colour.hue(picture, how.hue * (2 * random.one() - 1)))
    if how.pca_noise:
        picture = colour.clip(colour.pca_noise(picture, how.pca_noise, random(3)))
    return picture


def shift(picture: tf.Tensor, pad: int, u: tf.Tensor) -> tf.Tensor:
    """Pads `pad` black pixels on every side and crops the original size at a random place (1512.03385, 4.2); u: [2]."""
    height, width, channels = picture.shape
    top, left = tf.unstack(tf.cast(u * (2 * pad + 1), tf.int32))
    padded = tf.pad(picture, [[pad, pad], [pad, pad], [0, 0]])
    return tf.reshape(tf.slice(padded, [top, left, 0], [height, width, channels]), [height, width, channels])


def distort(picture: tf.Tensor, most: float, u: tf.Tensor) -> tf.Tensor:
    """Scales, squeezes (wider and lower, or the reverse) and shears the picture sidewise about its centre; u: [3].

    Each change is at most `most`, a fraction. With `shift`, these are the planar distortions of LeCun et al. 1998,
    section III.A. Pixels are interpolated.
    """
    height, width, channels = picture.shape
    scale, squeeze, shear = tf.unstack([1.0, 1.0, 0.0] + most * (2.0 * u - 1.0))
    middle = (height - 1) / 2, (width - 1) / 2
    y = np.arange(height, dtype=np.float32)[:, None] - middle[0]
    x = np.arange(width, dtype=np.float32) - middle[1]
    row = scale / squeeze * y + tf.zeros_like(x) + middle[0]
    column = scale * (squeeze * x + shear * y) + middle[1]
    top, left = tf.floor(row), tf.floor(column)
    pixels = tf.concat([tf.reshape(picture, [-1, channels]), tf.zeros([1, channels])], 0)  # black behind the last

    def at(row: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        return tf.gather(pixels, tf.cast(tf.where(inside, row * width + column, height * width), tf.int32))

    down, right = (row - top)[..., None], (column - left)[..., None]
    upper = at(top, left) * (1 - right) + at(top, left + 1) * right
    lower = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right
    return upper * (1 - down) + lower * down


def mirror(picture: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """Mirrors the picture left to right if u, from 0 to 1, is below one half."""
    return tf.cond(u < 0.5, lambda: tf.reverse(picture, [1]), lambda: picture)


def noise(shape: Sequence[int], seeds: tf.Tensor) -> tf.Tensor:
    """float32 [B, *shape] in 0..255; seeds: [B, 2]."""
    spec = tf.TensorSpec(shape, tf.float32)
    return tf.map_fn(
        lambda seed: tf.random.stateless_uniform(shape, seed, 0, 255, alg="philox"), seeds, fn_output_signature=spec
    )


def erase(picture: tf.Tensor, probability: float, u: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """Random erasing (1708.04896, Algorithm 1): noise in a rectangle of 2 to 40 % of the area; u: [1 + 4 * attempts].

    The first rectangle that fits is used; if none does, which is rare, nothing is erased.
    """
    height, width, channels = picture.shape
    chance, u = u[0], tf.reshape(u[1:], [ERASE_ATTEMPTS, 4])
    area = height * width * (ERASE_AREA[0] + u[:, 0] * (ERASE_AREA[1] - ERASE_AREA[0]))
    low, high = math.log(ERASE_RATIO[0]), math.log(ERASE_RATIO[1])
    ratio = tf.exp(low + u[:, 1] * (high - low))
    sides = tf.round(tf.stack([tf.sqrt(area * ratio), tf.sqrt(area / ratio)], 1))
    fits = tf.reduce_all(sides < [height, width], 1)
    sides, place = tf.gather(sides, tf.argmax(fits)), tf.gather(u[:, 2:], tf.argmax(fits))
    corner = tf.floor(place * ([height, width] - sides + 1))
    share = rectangle(picture.shape, corner, corner + sides)
    share *= tf.cast((chance < probability) & tf.reduce_any(fits), tf.float32)
    return picture + share * (noise - picture)


def rectangle(shape: Sequence[int], first: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """Ones in rows first[0] up to last[0] (not included) and columns first[1] up to last[1], else zeros: [H, W, C]."""
    height, width, channels = shape
    rows, columns = np.arange(height, dtype=np.float32), np.repeat(np.arange(width, dtype=np.float32), channels)
    inside = ((rows >= first[0]) & (rows < last[0]))[:, None] & ((columns >= first[1]) & (columns < last[1]))[None]
    return tf.reshape(tf.cast(inside, tf.float32), shape)
