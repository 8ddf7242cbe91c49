"""Losses by name, on logits, one value for each example."""

import tensorflow as tf


def targets(labels, classes, smoothing=0.0):
    """Labels as probabilities [batch, classes]: class numbers become one-hot; mixed labels stay as they are.

    smoothing: this share of the probability is spread over all classes (Szegedy et al. 2015, 1512.00567, section 7).
    """
    onehot = labels if labels.shape.rank == 2 else tf.one_hot(labels, classes)
    onehot = tf.cast(onehot, tf.float32)
    return onehot * (1.0 - smoothing) + smoothing / classes if smoothing else onehot


def cross_entropy(onehot, logits):
    """[batch]: -sum p log q."""
    return tf.nn.softmax_cross_entropy_with_logits(onehot, logits)


def focal(onehot, logits, gamma=2.0):
    """[batch]: cross-entropy weighted with (1 - q)^gamma. Lin et al. 2017, 1708.02002, eq. 4 (alpha = 1)."""
    log_q = tf.nn.log_softmax(logits)
    return -tf.reduce_sum(onehot * (1.0 - tf.exp(log_q)) ** gamma * log_q, axis=-1)


def mse(onehot, logits):
    """[batch]: mean squared difference between the probabilities and the labels."""
    return tf.reduce_mean((tf.nn.softmax(logits) - onehot) ** 2, axis=-1)


LOSSES = {"cross_entropy": cross_entropy, "focal": focal, "mse": mse}
