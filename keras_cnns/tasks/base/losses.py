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


def distance(target, logits, j=1.0):
    """[...]: the right class's distance, and what is gained where the others' are large; logits are distances negated.

    LeCun et al. 1998, equation 9: y_D + log(exp(-j) + sum_i exp(-y_i)). Beyond j a wrong class is far enough; cross
    entropy, which has no j, leaves the right one's distance alone as soon as it is the shortest.
    """
    floor = tf.fill(tf.concat([tf.shape(logits)[:-1], [1]], 0), tf.cast(-j, logits.dtype))
    return tf.reduce_logsumexp(tf.concat([logits, floor], -1), -1) - tf.reduce_sum(target * logits, -1)


LOSSES = {"cross_entropy": cross_entropy, "focal": focal, "mse": mse, "distance": distance}


def smooth_l1(difference, beta=1.0):
    """Elementwise: squared up to beta, linear beyond it. Girshick 2015, 1504.08083, equation 3 (beta = 1)."""
    size = tf.abs(difference)
    return tf.where(size < beta, 0.5 * size**2 / beta, size - 0.5 * beta)
