"""Grad-CAM: the last maps, weighted by the gradient of a score. Selvaraju et al. 2017, 1610.02391.

Grad-CAM++ weights the positions of a map by what they contribute: Chattopadhyay et al. 2018, 1710.11063.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.insight.maps.base import BATCH, OneBatch, by_batch, enlarged, map_layer
from keras_cnns.insight.maps.inspected_model import InspectedModel
from keras_cnns.insight.maps.targets import Target, TargetLike


def grad_cam(
    model: keras.Model | InspectedModel,
    pictures: np.ndarray,
    target: TargetLike = None,
    *,
    layer: str | None = None,
    batch: int = BATCH,
) -> np.ndarray:
    """Where the maps of a layer speak for the target: relu(sum_k w_k A_k), w_k the mean gradient of map k (eqs. 1, 2).

    Args:
      model: a functional Keras model of one picture.
      pictures: numbers [n, h, w, c] as the model takes them, or a single picture.
      target: a class number, one for each picture, or a callable (`Class`, `Unit`, `Mask`, `Box`, a function of the
        outputs); None: the class that the model answers. A single sigmoid has the classes 0 and 1.
      layer: the name of the layer whose maps are weighted; None: the last maps.
      batch: number of pictures that are computed together.

    Returns:
      float32 [n, h, w], 0 or more, in the unit of the score; resized to the pictures' size, bilinear.

    Raises:
      UserError: pictures, layer, target or batch do not fit the model, it has no convolutional maps, or it computes
        values that are not finite.

    >>> heat = insight.grad_cam(model, pictures, target=281)  # where it sees class 281
    """
    return by_batch(model, pictures, target, _with(_mean_gradient, layer), batch=batch)


def grad_cam_plus_plus(
    model: keras.Model | InspectedModel,
    pictures: np.ndarray,
    target: TargetLike = None,
    *,
    layer: str | None = None,
    batch: int = BATCH,
) -> np.ndarray:
    """Grad-CAM with the weights w_k = sum_ij alpha_ij relu(dY/dA_ij) of Grad-CAM++ (eqs. 5, 19), for Y = exp(score).

    exp(score), the same factor for all maps, is left out. Arguments, result and errors are those of `grad_cam`.

    >>> maps = insight.grad_cam_plus_plus(model, pictures)  # [n, height, width]
    """
    return by_batch(model, pictures, target, _with(_alpha_gradient, layer), batch=batch)


def _with(weigh: Callable[[tf.Tensor, tf.Tensor], tf.Tensor], layer: str | None) -> OneBatch:
    def one_batch(network: InspectedModel, pictures: tf.Tensor, target: Target) -> tf.Tensor:
        maps, gradient, _ = network.gradient(pictures, target, at=map_layer(network, target, layer))
        weights = weigh(maps, gradient)[:, None, None]
        return enlarged(tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)), pictures)

    return one_batch


def _mean_gradient(maps: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(gradient, axis=(1, 2))


def _alpha_gradient(maps: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    square = gradient**2
    below = 2 * square + tf.reduce_sum(maps, axis=(1, 2), keepdims=True) * gradient**3
    alpha = tf.math.divide_no_nan(square, tf.where(square > 0, below, 0.0))
    return tf.reduce_sum(alpha * tf.nn.relu(gradient), axis=(1, 2))
