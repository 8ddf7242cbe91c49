"""Kernels before statistics that are held, brought to a size at which a training moves them like all others."""

from collections import Counter

import keras
from keras import tree

from keras_cnns.insight.calls import Calls
from keras_cnns.layers.grouped import GroupedConv2D
from keras_cnns.layers.held_normalization import HeldBatchNormalization
from keras_cnns.tflite.graph.fold import of_unit_variance
from keras_cnns.tflite.graph.kinds import LINEAR


def to_unit_variance(model):
    """What held batch normalization takes from the linear layer before it gets variance 1 where it is less.

    The network computes what it did. Weight decay leaves kernels before batch normalization as small as it likes, since
    the statistics make up for it; where these are held, they magnify every step of an optimizer as well. Larger
    kernels, which are moved less, frozen layers, shared ones and those whose results go elsewhere too keep what they
    have. Returns the model.
    """
    calls = Calls(model)
    taken = Counter(ref.call for call in calls for ref in call.inputs)
    taken.update(ref.call for ref in tree.flatten(calls.result))
    times = Counter(id(call.operation) for call in calls)
    for call in calls:
        norm = call.operation
        if type(norm) is not HeldBatchNormalization:
            continue
        before = call.inputs[0].call
        linear = calls[before].operation
        alone = taken[before] == 1 and times[id(linear)] == 1 and times[id(norm)] == 1
        if alone and _plain(linear) and linear.trainable and norm.trainable and norm.axis in (-1, len(call.shape)):
            kind = keras.layers.Conv2D if type(linear) is GroupedConv2D else type(linear)
            weights = linear.get_weights(), norm.get_weights()
            if renewed := of_unit_variance(kind, linear.get_config(), *weights, norm.epsilon):
                for layer, values in zip((linear, norm), renewed, strict=True):
                    layer.set_weights(values)
    return model


def _plain(layer):
    """Whether its results are its kernel times what it takes, and the channels come last."""
    known = type(layer) in (*LINEAR, GroupedConv2D) and layer.activation in (None, keras.activations.linear)
    last = getattr(layer, "data_format", "channels_last") == "channels_last"
    return known and last and not getattr(layer, "lora_enabled", False)
