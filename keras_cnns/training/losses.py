"""Losses by name: of logits against probabilities over the last axis, one value for each answer."""

import tensorflow as tf


def cross_entropy(target, logits):
    """[...]: -sum p log q."""
    return tf.nn.softmax_cross_entropy_with_logits(target, logits)


def focal(target, logits, gamma=2.0):
    """[...]: cross-entropy weighted with (1 - q)^gamma. Lin et al. 2017, 1708.02002, eq. 4 (alpha = 1)."""
    log_q = tf.nn.log_softmax(logits)
    return -tf.reduce_sum(target * (1.0 - tf.exp(log_q)) ** gamma * log_q, axis=-1)


def mse(target, logits):
    """[...]: mean squared difference between the probabilities and the target."""
    return tf.reduce_mean((tf.nn.softmax(logits) - target) ** 2, axis=-1)


LOSSES = {"cross_entropy": cross_entropy, "focal": focal, "mse": mse}


def smooth_l1(difference, beta=1.0):
    """Elementwise: squared up to beta, linear beyond it. Girshick 2015, 1504.08083, equation 3 (beta = 1)."""
    size = tf.abs(difference)
    return tf.where(size < beta, 0.5 * size**2 / beta, size - 0.5 * beta)
