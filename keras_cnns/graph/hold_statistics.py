"""Every batch normalization of a model keeps its statistics, for a training of few steps."""

import keras

from keras_cnns.graph.keras_internals import sublayers
from keras_cnns.layers.held_normalization import HeldBatchNormalization


def hold_statistics(model: keras.Model) -> keras.Model:
    """Changes every `BatchNormalization` of `model`, nested ones too, into a `HeldBatchNormalization`; returns `model`.

    The layers keep their variables and their names. A subclass of `BatchNormalization` is frozen instead, with its gain
    and offset: Keras computes a frozen one with its moving statistics, also after saving and loading.
    """
    for layer in sublayers(model):
        if type(layer) is keras.layers.BatchNormalization:
            layer.__class__ = HeldBatchNormalization  # the same variables, another `call`
        elif isinstance(layer, keras.layers.BatchNormalization) and not isinstance(layer, HeldBatchNormalization):
            layer.trainable = False
    return model
