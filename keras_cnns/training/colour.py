"""Colours: brightness, contrast, saturation, hue, and AlexNet's noise along the principal components.

Pictures are float32 [H, W, C] in 0..255; factors of 1 change nothing. Grey pictures have no saturation and no hue.
"""

import tensorflow as tf

from keras_cnns.training.decode import LUMA

# The covariance of ImageNet's RGB values, scaled to 0..1: its eigenvalues, and its eigenvectors, one a column.
PCA_VALUES = (0.2175, 0.0188, 0.0045)
PCA_VECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))


def jitter(picture, strength, u):
    """Brightness, contrast and saturation by factors of 1 +- strength, in random order (1312.5402, 2); u: [4]."""
    factors = 1 + strength * (2 * u[:3] - 1)
    operations = (brightness, contrast, saturation)
    orders = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))

    def in_order(order):
        changed = picture
        for i in order:
            changed = clip(operations[i](changed, factors[i]))
        return changed

    branches = [lambda order=order: in_order(order) for order in orders]
    return tf.switch_case(tf.cast(u[3] * len(orders), tf.int32), branches)


def brightness(picture, factor):
    return picture * factor


def contrast(picture, factor):
    mean = tf.reduce_mean(grey(picture))
    return mean + factor * (picture - mean)


def saturation(picture, factor):
    return picture if picture.shape[-1] == 1 else blend(grey(picture), picture, factor)


def hue(picture, turn):
    """turn: part of the colour circle, -0.5..0.5."""
    return picture if picture.shape[-1] == 1 else tf.image.adjust_hue(picture / 255, turn) * 255


def pca_noise(picture, deviation, u):
    """One colour added to the whole picture (Krizhevsky et al. 2012, 4.1); u: [3]."""
    if picture.shape[-1] == 1:
        return picture
    normal = tf.math.ndtri(tf.clip_by_value(u, 1e-6, 1 - 1e-6))
    return picture + 255 * tf.linalg.matvec(PCA_VECTORS, deviation * normal * PCA_VALUES)


def grey(picture):
    """float32 [H, W, 1]"""
    return picture if picture.shape[-1] == 1 else tf.tensordot(picture, LUMA, 1)[..., None]


def blend(first, second, factor):
    """`first` at factor 0, `second` at 1, and beyond on both sides."""
    return first + factor * (second - first)


def clip(picture):
    return tf.clip_by_value(picture, 0.0, 255.0)
