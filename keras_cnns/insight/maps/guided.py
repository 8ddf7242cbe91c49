"""Gradients of a score by the picture: plain, guided, and guided with Grad-CAM.

Simonyan et al. 2013, 1312.6034; Springenberg et al. 2014, 1412.6806; Selvaraju et al. 2017, 1610.02391, section 3.2.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.insight.maps.base import BATCH, by_batch
from keras_cnns.insight.maps.grad_cam import grad_cam
from keras_cnns.insight.maps.inspected_model import InspectedModel
from keras_cnns.insight.maps.targets import TargetLike


def saliency(
    model: keras.Model | InspectedModel, pictures: np.ndarray, target: TargetLike = None, *, batch: int = BATCH
) -> np.ndarray:
    """The gradient of the score by the picture, float32 [n, h, w, c]. Arguments and errors are those of `grad_cam`.

    >>> maps = insight.saliency(model, pictures, 285)  # for class 285
    """
    return by_batch(model, pictures, target, lambda net, x, t: net.gradient(x, t)[1], batch=batch)


def guided_backprop(
    model: keras.Model | InspectedModel, pictures: np.ndarray, target: TargetLike = None, *, batch: int = BATCH
) -> np.ndarray:
    """The gradient by the picture where every rectifier also stops negative gradients, float32 [n, h, w, c].

    A rectifier passes a gradient that is positive, where its input was positive (Springenberg et al., Fig. 1). Smooth
    activations of that kind (swish, GELU ...) pass the positive gradients times their own derivative. Arguments and
    errors are those of `grad_cam`.

    >>> maps = insight.guided_backprop(model, pictures)
    """
    return by_batch(model, pictures, target, lambda net, x, t: net.gradient(x, t, rule=guided)[1], batch=batch)


def guided_grad_cam(
    model: keras.Model | InspectedModel,
    pictures: np.ndarray,
    target: TargetLike = None,
    *,
    layer: str | None = None,
    batch: int = BATCH,
) -> np.ndarray:
    """Guided backpropagation times Grad-CAM, float32 [n, h, w, c]: fine detail of this class only.

    Arguments and errors are those of `grad_cam`.

    >>> maps = insight.guided_grad_cam(model, pictures)
    """
    fine = guided_backprop(model, pictures, target, batch=batch)
    return fine * np.asarray(grad_cam(model, pictures, target, layer=layer, batch=batch))[..., None]


def guided(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """A rectifier's output, which passes positive gradients only."""
    return _positive_backward(y)


@tf.custom_gradient
def _positive_backward(y: tf.Tensor) -> tuple[tf.Tensor, Any]:
    return tf.identity(y), tf.nn.relu
