"""Channels that a depthwise convolution reads are brought to like ranges: int8 has one step for all of them.

Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", 1906.04721, and what that
leaves out: hard-swish, which does not scale with its channels. A channel a thirtieth as large as another has five bits
less, and the batch normalization behind the depthwise convolution magnifies what is left of it. The convolution's own
kernels are rounded channel by channel, so nothing is lost there.
"""

import numpy as np
from keras import layers, ops

from keras_cnns.tflite.graph.fold import follows_linear, number_affine, scaled
from keras_cnns.tflite.graph.kinds import DEPTHWISE, is_relu
from keras_cnns.tflite.graph.node import like, new

DEVIATIONS = 4  # of a normal distribution, to either side of its mean, are taken for the range of a channel
MOST = 64.0  # by which one channel is magnified more than another
EQUAL = "equal"  # ends the name of what does so before hard-swish
WORTH = 4.0  # times less noise, for which hard-swish gets an operator more


def equalized(node, uses):
    """The rule, on the batch normalization behind a depthwise convolution; what is computed stays the same."""
    reader = node.input if follows_linear(node, uses) else None
    if reader is None or not reader.is_a(*DEPTHWISE) or len(node.shape) != 4 or uses[reader.input] != 1:
        return
    read, norm = reader.input, reader.input.input if reader.input.inputs else None
    relu, swish = is_relu(read) and read.config.get("max_value") is None, gated(read) is norm is not None
    if not (relu or swish) or uses[norm] != 1 + swish or not _free(norm, reader, node):
        return
    scale, gain = like_ranges(*channel_ranges(norm, swish), noise_gain(reader, node))
    if swish and gain < WORTH:
        return
    reader.weights = [_float(reader.weights[0] / np.reshape(scale, (-1, 1))), *reader.weights[1:]]
    if swish:
        read.args = ([_times(norm, scale, read), read.inputs[1]],)
    else:
        norm.weights = [*(_float(w * scale) for w in norm.weights[:2]), *norm.weights[2:]]


def like_ranges(low, high, gain):
    """(scales, how many times less noise) that bring channels of the ranges `low` .. `high` to like ones.

    low, high: of each channel, zero between them. gain: what the noise of each is multiplied by in what reads it.
    """
    low, high = np.maximum(-low, 1e-9), np.maximum(high, 1e-9)
    best, least = np.ones(len(low)), np.inf
    for share in np.geomspace(1e-3, 1.0, 31):  # of the tensor's range that lies below zero, as a part of that above
        scale = np.minimum(1 / high, share / low)
        scale = np.minimum(scale / scale.min(), MOST)
        if (found := _noise(low, high, gain, scale)) < least:
            best, least = scale, found
    return best, _noise(low, high, gain, 1.0) / least


def _noise(low, high, gain, scale):
    step = np.max(low * scale) + np.max(high * scale)
    return np.sum((gain / scale * step) ** 2)


def channel_ranges(norm, swish):
    """(lowest, highest) value of each channel behind `norm` and relu, or x * relu6(x + 3); zero among them."""
    gamma, beta = (np.asarray(w, np.float64) for w in norm.weights[:2])
    x = beta + gamma * np.linspace(-DEVIATIONS, DEVIATIONS, 65)[:, None]
    values = x * np.clip(x + 3, 0, 6) if swish else np.maximum(x, 0)
    return np.minimum(values.min(0), 0.0), np.maximum(values.max(0), 0.0)


def noise_gain(reader, norm):
    """By what `reader` and the batch normalization behind it magnify the noise of each channel that is read."""
    kernel, variance = np.asarray(reader.weights[0], np.float64), np.asarray(norm.weights[-1], np.float64)
    gamma = np.asarray(norm.weights[0], np.float64) if norm.config["scale"] else 1.0
    kernel = scaled(reader.call, kernel, gamma / np.sqrt(variance + norm.config["epsilon"]))
    return np.sqrt(np.sum(kernel**2, axis=(*range(kernel.ndim - 2), kernel.ndim - 1))) + 1e-9


def gated(node):
    """The x of x * relu6(x + 3), as int8 has hard-swish, the first x perhaps times numbers; None of any other node."""
    if not node.is_a(layers.Multiply) or len(node.inputs) != 2:
        return None
    factor, gate = node.inputs
    if not is_relu(gate) or gate.config.get("max_value") != 6.0 or number_affine(gate.input) != (1.0, 3.0):
        return None
    x, factors = gate.input.input, (factor, *factor.inputs[:1])
    plain = factor is x or (factor.is_a(ops.multiply) and number_affine(factor)) or factor.name.endswith(EQUAL)
    return x if x in factors and plain else None


def _free(norm, *others):
    """Whether none is frozen, shared or held by a constraint, so that weights may change, and `norm` can scale."""
    if not norm.is_a(layers.BatchNormalization) or norm.config["axis"] not in (-1, 3, [3]):
        return False
    keys = ("depthwise_constraint", "gamma_constraint", "beta_constraint")
    bound = (n.shared or not n.config.get("trainable", True) or any(map(n.config.get, keys)) for n in (norm, *others))
    return norm.config["scale"] and norm.config["center"] and not any(bound)


def _times(x, scale, source):
    """`x` times a number per channel, as a depthwise convolution: its int8 kernel holds each of them exactly."""
    config = {"kernel_size": 1, "padding": "valid", "strides": 1, "use_bias": False}
    made = new(layers.DepthwiseConv2D, (x,), source, EQUAL, config)
    made.weights = [_float(scale)[None, None, :, None]]
    return like(made, shape=x.shape)


def _float(array):
    return np.asarray(array, "float32")
