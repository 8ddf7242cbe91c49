"""Losses by name. They compare logits with target probabilities over the last axis: one value for each prediction."""

import tensorflow as tf


def cross_entropy(target: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """[...]: -sum p log q."""
    return tf.nn.softmax_cross_entropy_with_logits(target, logits)


def focal(target: tf.Tensor, logits: tf.Tensor, gamma: float = 2.0) -> tf.Tensor:
    """[...]: cross-entropy weighted with (1 - q)^gamma. Lin et al. 2017, 1708.02002, eq. 4 (alpha = 1)."""
    log_q = tf.nn.log_softmax(logits)
    return -tf.reduce_sum(target * (1.0 - tf.exp(log_q)) ** gamma * log_q, axis=-1)


def mse(target: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """[...]: mean squared difference between the probabilities and the target."""
    return tf.reduce_mean((tf.nn.softmax(logits) - target) ** 2, axis=-1)


def distance(target: tf.Tensor, logits: tf.Tensor, j: float = 1.0) -> tf.Tensor:
    """[...]: y_D + log(exp(-j) + sum_i exp(-y_i)), y the distances. LeCun et al. 1998, equation 9.

    The logits are negated distances. The second term pushes the distances of wrong classes up to about j. Without j it
    would be cross entropy, which no longer reduces the distance of the correct class once it is the smallest.
    """
    floor = tf.fill(tf.concat([tf.shape(logits)[:-1], [1]], 0), tf.cast(-j, logits.dtype))
    return tf.reduce_logsumexp(tf.concat([logits, floor], -1), -1) - tf.reduce_sum(target * logits, -1)


LOSSES = {"cross_entropy": cross_entropy, "focal": focal, "mse": mse, "distance": distance}


def sigmoid_focal(target: tf.Tensor, logits: tf.Tensor, alpha: float = 0.25, gamma: float = 2.0) -> tf.Tensor:
    """Elementwise, of independent classes. Lin et al. 2017, 1708.02002, equation 5.

    Binary cross entropy weighted with (1 - p)^gamma, p the probability of the target, which is 0 or 1, and with alpha
    where the target is 1 or 1 - alpha where it is 0.
    """
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(target, logits)
    wrong = tf.sigmoid(tf.where(target > 0, -logits, logits))
    return tf.where(target > 0, alpha, 1.0 - alpha) * wrong**gamma * entropy


def smooth_l1(difference: tf.Tensor, beta: float = 1.0) -> tf.Tensor:
    """Elementwise: squared up to beta, linear beyond it. Girshick 2015, 1504.08083, equation 3 (beta = 1)."""
    size = tf.abs(difference)
    return tf.where(size < beta, 0.5 * size**2 / beta, size - 0.5 * beta)
