"""Pooled regions as vectors, also where there is none."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_cnns")
class FlattenRegions(keras.layers.Layer):
    """[B, R, height, width, C] -> [B, R, height * width * C]; Keras's Reshape cannot tell how long no vectors are."""

    def call(self, x):
        return ops.reshape(x, (*ops.shape(x)[:2], math.prod(x.shape[2:])))

    def compute_output_shape(self, shape):
        return (*shape[:2], math.prod(shape[2:]))
