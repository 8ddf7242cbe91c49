"""Equalization: brings the channels that a depthwise convolution reads to similar ranges, as int8 has one step for all.

Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", 1906.04721, extended to
hard-swish, which does not scale with its channels. A channel a thirtieth as large as another has five bits less, and
the batch normalization behind the depthwise convolution magnifies its error. The convolution's own kernels are rounded
channel by channel, so scaling them costs nothing.
"""

from typing import Any, TypeAlias

import numpy as np
from keras import layers, ops, tree

from keras_cnns.graph.graph import Graph
from keras_cnns.graph.kinds import DEPTHWISE, is_relu
from keras_cnns.graph.node import Node, Uses, like, new
from keras_cnns.tflite.rewrite.fold import follows_linear, number_affine, scaled
from keras_cnns.tflite.rewrite.prepare import Outputs, prepared
from keras_cnns.tflite.targets.target import Rewrites

DEVIATIONS = 4  # of a normal distribution, to either side of its mean, are taken for the range of a channel
MOST = 64.0  # by which one channel is magnified more than another
EQUAL = "equal"  # ends the name of what gives a hard-swish's gate the channels as they were
WORTH = 1.5  # times less noise, for which a hard-swish is written otherwise: a convolution for an addition
WORTH_AFTER_TRAINING = 4.0  # times less noise, for which an int8 file is made otherwise at all
Ranges: TypeAlias = list[
    tuple[np.ndarray, np.ndarray, float]
]  # (lowest, highest, slope) of the channels of each tensor
SLOPE = 3.0  # of x * relu6(x + 3) at zero, by which the noise of small channels goes on


def equalize(graph: Graph, *, training: bool = False) -> bool:
    """Equalizes a graph whose batch normalizations are kept. The results do not change.

    training: the model will be trained, so frozen layers and those with constraints are left, and others are scaled
      even for a small gain unless that changes an operator. Without training only a large gain counts.

    Returns:
      Whether any channel was scaled.
    """
    changes: list[bool] = []
    graph.rewrite(lambda node, uses: changes.append(_equalized(node, uses, training)))
    return any(changes)


def prepared_equally(graph: Graph, outputs: Outputs, int8_forms: Rewrites) -> Graph | None:
    """`prepared` for int8, with equalized channels, on a graph that is changed; None if there are none to equalize."""
    prepared(graph, outputs=outputs, int8_forms=int8_forms, keep_batch_norm=True)
    if not equalize(graph):
        return None
    every = range(len(tree.flatten(graph.outputs)))  # the others were removed before
    return prepared(graph, outputs=[*every], int8_forms=int8_forms)


def _equalized(node: Node, uses: Uses, training: bool) -> bool:
    """Scales the channels before the depthwise convolution whose batch normalization `node` is; whether it did."""
    reader = node.input if follows_linear(node, uses) else None
    if reader is None or not reader.is_a(*DEPTHWISE) or len(node.shape) != 4 or uses[reader.input] != 1:
        return False
    read = reader.input
    norm: Any = read.input if read.inputs else None
    relu = is_relu(read) and read.config.get("max_value") is None
    swish = gated(read) is norm is not None and read.inputs[0] is norm
    if not (relu or swish) or uses[norm] != 1 + swish or not _free(norm, reader, node, training=training):
        return False
    scale, times = like_ranges(channel_ranges(norm, swish), noise_gain(reader, node))
    if times < (WORTH if training else WORTH_AFTER_TRAINING) and (swish or not training):
        return False
    if swish:
        gate = like(read.inputs[1], args=(_gate(norm, scale, read),))
        read.args = ([norm, gate],)
    reader.weights = [_float(reader.weights[0] / np.reshape(scale, (-1, 1))), *reader.weights[1:]]
    norm.weights = [*(_float(w * scale) for w in norm.weights[:2]), *norm.weights[2:]]
    return True


def like_ranges(tensors: Ranges, gain: np.ndarray) -> tuple[np.ndarray, float]:
    """(scales, the factor by which noise is reduced) that bring the channels of several tensors to similar ranges.

    Args:
      tensors: (lowest, highest, slope) of each tensor's channels, with zero in between; noise is multiplied by `slope`.
      gain: the factor for each channel's noise in what reads the last tensor.
    """
    low, high = (np.maximum(v, 1e-9) for v in (-tensors[0][0], tensors[0][1]))
    ones = np.ones(len(low))
    best, least = ones, _noise(tensors, gain, ones)
    for share in np.geomspace(1e-3, 1.0, 31):  # of the range that lies below zero, as a part of that above
        for power in (0.75, 1.0, 1.25):
            scale = np.minimum(1 / high, share / low) ** power
            scale = np.minimum(scale / scale.min(), MOST)
            if (total := _noise(tensors, gain, scale)) < least:
                best, least = scale, total
    return best, _noise(tensors, gain, ones) / least


def _noise(tensors: Ranges, gain: np.ndarray, scale: np.ndarray) -> float:
    steps = [slope * (np.max(high * scale) - np.min(low * scale)) for low, high, slope in tensors]
    return np.sum((gain / scale) ** 2) * np.sum(np.square(steps)) + 1e-30


def channel_ranges(norm: Node, swish: bool) -> Ranges:
    """(lowest, highest, slope) of each channel behind `norm` and ReLU, both of x and of x * relu6(x + 3)."""
    gamma, beta = (np.asarray(w, np.float64) for w in norm.weights[:2])
    x = beta + gamma * np.linspace(-DEVIATIONS, DEVIATIONS, 65)[:, None]
    values = [(np.maximum(x, -3), SLOPE), (x * np.clip(x + 3, 0, 6), 1)] if swish else [(np.maximum(x, 0), 1)]
    return [(np.minimum(v.min(0), 0.0), np.maximum(v.max(0), 0.0), slope) for v, slope in values]


def noise_gain(reader: Node, norm: Node) -> np.ndarray:
    """The factor by which `reader` and the batch normalization behind it magnify the noise of each channel."""
    kernel, variance = np.asarray(reader.weights[0], np.float64), np.asarray(norm.weights[-1], np.float64)
    gamma = np.asarray(norm.weights[0], np.float64) if norm.config["scale"] else 1.0
    kernel = scaled(reader.call, kernel, gamma / np.sqrt(variance + norm.config["epsilon"]))
    return np.sqrt(np.sum(kernel**2, axis=(*range(kernel.ndim - 2), kernel.ndim - 1))) + 1e-9


def gated(node: Node) -> Node | None:
    """The x of x * relu6(x + 3), int8's hard-swish, with the first x possibly scaled; None for any other node."""
    if not node.is_a(layers.Multiply) or len(node.inputs) != 2:
        return None
    factor, gate = node.inputs
    if not is_relu(gate) or gate.config.get("max_value") != 6.0:
        return None
    if number_affine(gate.input) != (1.0, 3.0) and not gate.input.name.endswith(EQUAL):
        return None
    x = gate.input.input
    return x if factor is x or (factor.is_a(ops.multiply) and number_affine(factor) and factor.input is x) else None


def floor(node: Node) -> float:
    """The value of `gated(node)` below which the product is zero for every channel."""
    opened = node.inputs[1].input
    return -3.0 / float(np.min(opened.weights[0])) if opened.weights else -3.0


def _free(norm: Node, *others: Node, training: bool) -> bool:
    """Whether `norm` can scale and no node is shared or, for a training, frozen or held by a constraint."""
    if not norm.is_a(layers.BatchNormalization) or norm.config["axis"] not in (-1, 3, [3]):
        return False
    keys = ("depthwise_constraint", "gamma_constraint", "beta_constraint")
    nodes = (norm, *others)
    bound = any(not n.config.get("trainable", True) or any(map(n.config.get, keys)) for n in nodes)
    shared = any(n.shared for n in nodes)
    return norm.config["scale"] and norm.config["center"] and not shared and not (training and bound)


def _gate(x: Node, scale: np.ndarray, source: Node) -> Node:
    """x / scale + 3 as a depthwise convolution, in the place of an addition: each filter of one weight is exact."""
    config = {"kernel_size": 1, "padding": "valid", "strides": 1, "use_bias": True, "trainable": False}
    convolved = new(layers.DepthwiseConv2D, (x,), source, EQUAL, config)
    convolved.weights = [_float(1 / scale)[None, None, :, None], np.full(len(scale), 3, "float32")]
    return like(convolved, shape=x.shape)


def _float(array: Any) -> np.ndarray:
    return np.asarray(array, "float32")
