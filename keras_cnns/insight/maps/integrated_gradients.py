"""Integrated gradients: shares of a score that add up to it. Sundararajan et al. 2017, 1703.01365."""

import numpy as np
import tensorflow as tf

from keras_cnns.insight.maps.base import by_batch


def integrated_gradients(model, pictures, target=None, *, baseline=0.0, steps=32, batch=4):
    """Each pixel's share in the score's difference between the picture and the baseline (eq. 1).

    The integral along the straight line between them is taken by Gauss and Legendre's rule at `steps` points.

    Args:
      model, pictures, target: as in `grad_cam`; the class that the model answers stays the same along the line.
      baseline: a number or an array like one picture, on the model's own scale: "nothing", black by default.
      steps: gradients for each picture.
      batch: pictures at a time; each point of the line is computed for all of them.

    Returns:
      [n, h, w, c]; the sum over a picture is the difference of the scores (completeness), but for the integral's error.

    Raises:
      UserError: as in `grad_cam`.
    """
    points, weights = np.polynomial.legendre.leggauss(steps)
    points, weights = (points + 1) / 2, weights / 2

    def one_batch(network, pictures, target):
        start = tf.broadcast_to(tf.cast(baseline, tf.float32), tf.shape(pictures))
        total = tf.zeros_like(pictures)
        for point, weight in zip(points, weights, strict=True):
            total += weight * network.gradient(start + point * (pictures - start), target)[1]
        return (pictures - start) * total

    return by_batch(model, pictures, target, one_batch, batch=batch, settled=True)
