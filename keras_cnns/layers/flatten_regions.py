"""Pooled regions as vectors, for any number of regions, zero included."""

import math

import keras
from keras import ops

from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable(package="keras_cnns")
class FlattenRegions(keras.layers.Layer):
    """Flattens [batch, regions, height, width, channels] to [batch, regions, height * width * channels].

    Unlike `keras.layers.Reshape`, it also works for zero regions, where the length of a vector cannot be inferred from
    the number of values.

    Example:
      x = FlattenRegions()(x)  # [1, 300, 7, 7, 512] -> [1, 300, 25088]
    """

    def call(self, x: Tensor) -> Tensor:
        return ops.reshape(x, (*ops.shape(x)[:2], math.prod(x.shape[2:])))

    def compute_output_shape(self, shape: tuple) -> tuple:
        return (*shape[:2], math.prod(shape[2:]))
