"""Integrated gradients: shares of a score that add up to it. Sundararajan et al. 2017, 1703.01365."""

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.insight.maps.arguments import like_picture, whole_number
from keras_cnns.insight.maps.base import by_batch
from keras_cnns.insight.maps.inspected_model import InspectedModel
from keras_cnns.insight.maps.targets import Target, TargetLike


def integrated_gradients(
    model: keras.Model | InspectedModel,
    pictures: np.ndarray,
    target: TargetLike = None,
    *,
    baseline: float | np.ndarray = 0.0,
    steps: int = 32,
    batch: int = 4,
) -> np.ndarray:
    """Each pixel's share in the difference of the score between the picture and the baseline (eq. 1).

    The integral along the straight line between them is taken by the Gauss-Legendre rule at `steps` points.

    >>> insight.integrated_gradients(model, pictures).shape
    (1, 224, 224, 3)

    Args:
      model, pictures, target: as in `grad_cam`; a target of None is the class that the model answers to the picture.
      baseline: a number or an array like one picture, on the model's own scale; it stands for "nothing".
      steps: gradients for each picture.
      batch: pictures that are computed together, at each point of the line.

    Returns:
      float32 [n, h, w, c]; the sum over a picture is the difference of the scores (completeness), up to the error of
      the integral.

    Raises:
      UserError: as in `grad_cam`, or a baseline or number of steps that does not fit.
    """
    points, weights = np.polynomial.legendre.leggauss(whole_number("steps", steps))
    points, weights = (points + 1) / 2, weights / 2

    def one_batch(network: InspectedModel, pictures: tf.Tensor, target: Target) -> tf.Tensor:
        start = tf.broadcast_to(like_picture("baseline", baseline, tuple(pictures.shape[1:])), tf.shape(pictures))
        total = tf.zeros_like(pictures)
        for point, weight in zip(points, weights, strict=True):
            total += weight * network.gradient(start + point * (pictures - start), target)[1]
        return (pictures - start) * total

    return by_batch(model, pictures, target, one_batch, batch=batch, settled=True)
