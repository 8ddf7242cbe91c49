"""Rewrites operators that a runtime would run by slower kernels in int8: pools, hard-swish, long concatenations."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from keras import layers, ops, tree

from keras_cnns.graph.graph import Graph
from keras_cnns.graph.kinds import CONVS, DEPTHWISE, LINEAR, POOLS, SUMS, is_hard_swish, is_relu
from keras_cnns.graph.node import Node, Uses, like, new, plus, relu6, times
from keras_cnns.tflite.rewrite.fold import number_affine
from keras_cnns.tflite.rewrite.padding import each, same_padding
from keras_cnns.tflite.targets.target import Rewrites

Rule: TypeAlias = Callable[[Node, Uses], Node | None]


def rules_for(rewrites: Rewrites) -> list[Rule]:
    """The rewriting rules for the forms that a target wants in int8, in the order of their use."""
    rules: list[Callable] = []
    if rewrites.hard_swish == "decomposed":
        rules += [absorb_sixth, hard_swish]
    if rewrites.average_pool == "decomposed":
        rules.append(average)
    if rewrites.convolved_relu:
        rules.append(rectified)
    return rules


def to_int8_forms(graph: Graph, rewrites: Rewrites) -> bool:
    """Gives the operators of a prepared graph the forms that a target wants in int8; whether any was changed."""
    results: list[Node | None] = []

    def recorded(rule: Rule) -> Rule:
        def record(node: Node, uses: Uses) -> Node | None:
            results.append(rule(node, uses))
            return results[-1]

        return record

    graph.rewrite(*(recorded(unless_masked(rule)) for rule in rules_for(rewrites)))
    return any(result is not None for result in results)


def unless_masked(rule: Rule) -> Rule:
    """The rule for nodes that do not pass a mask on."""
    return lambda node, uses: None if node.masked else rule(node, uses)


def thinning(node: Node, uses: Uses | None = None) -> Node | None:
    """Turns a pool of one pixel, which only drops pixels, into a convolution: XNNPACK runs no such pool."""
    pools = layers.MaxPooling2D, layers.AveragePooling2D
    if node.is_a(*pools) and each(node.config["pool_size"])[:2] == (1, 1):
        return _constant(node, np.ones((1, 1)))
    return None


def average(node: Node, uses: Uses | None = None) -> Node | None:
    """Turns average pooling into a depthwise convolution; with padding, a product corrects the edges.

    XNNPACK runs no int8 average pooling. A kernel of equal weights is rounded to int8 without an error.
    """
    if not node.is_a(layers.AveragePooling2D) or None in node.shape[1:]:
        return None
    window, strides = each(node.config["pool_size"])[:2], each(node.config["strides"])[:2]
    size = window[0] * window[1]
    pooled = _constant(node, np.full(window, 1 / size))
    if node.config["padding"] == "valid":
        return pooled
    per_axis = zip(node.input.shape[1:3], window, strides, node.shape[1:3], strict=True)
    rows, columns = (_counted(n, k, s, count) for n, k, s, count in per_axis)
    counted = np.outer(rows, columns)
    if np.all(counted == size):
        return pooled
    pooled.name = f"{node.name}_sum"
    return new(ops.multiply, (pooled, (size / counted).astype("float32")[None, :, :, None]), node, "edges", {})


def _counted(size: int, window: int, stride: int, results: int) -> np.ndarray:
    """How many pixels of each window lie inside the picture, along one axis of "same" padding."""
    before, _ = same_padding(size, window, stride)
    starts = np.arange(results) * stride - before
    return np.minimum(starts + window, size) - np.maximum(starts, 0)


def by_fives(node: Node, uses: Uses | None = None) -> Node | None:
    """Splits a concatenation of more than five tensors into several of five: XNNPACK takes no more."""
    if not node.is_a(layers.Concatenate) or len(node.inputs) <= 5 or len(node.inputs) != len(node.args[0]):
        return None
    axis = node.config["axis"] % len(node.shape)
    first, rest = list(node.inputs[:5]), list(node.inputs[5:])
    shape = (*node.shape[:axis], sum(n.shape[axis] for n in first), *node.shape[axis + 1 :])
    part = new(layers.Concatenate, (first,), node, f"before_{len(rest)}", {"axis": axis})
    part.shape = shape
    concatenation = like(node, args=([part, *rest],))
    return by_fives(concatenation) or concatenation


def rectified(node: Node, uses: Uses) -> Node | None:
    """Puts a convolution before a ReLU that cannot be fused otherwise: XNNPACK runs no int8 ReLU alone."""
    before = node.input if is_relu(node) else None
    fused_with = (*LINEAR, *SUMS, *POOLS, layers.BatchNormalization)  # kept batch norms are folded later
    if before is None or not before.inputs or len(node.shape) != 4 or (uses[before] == 1 and before.is_a(*fused_with)):
        return None
    same = new(None, (before,), node, "same", {"strides": 1, "padding": "valid"})
    return like(node, args=(_constant(same, np.ones((1, 1))),))


def absorb_sixth(node: Node, uses: Uses) -> Node | None:
    """Folds the factor 1/6 of a hard-swish or hard-sigmoid gate into the kernel behind it, which saves a product."""
    if not node.is_a(*CONVS, *DEPTHWISE, layers.Dense) or uses[node.input] != 1:
        return None
    before = node.input
    if is_hard_swish(before):
        x = new(layers.Multiply, ([before.input, relu6(plus(before.input, 3.0, before), before)],), before, "times", {})
        return _scaled(node, x, 1 / 6)
    if before.is_a(layers.Multiply, ops.multiply) and len(tree.flatten(before.args)) == len(before.inputs) == 2:
        for i, gate in enumerate(before.inputs):
            if gate.is_a(ops.multiply) and (scale := number_affine(gate)) and uses[gate] == 1:
                others = list(before.inputs)
                others[i] = gate.input
                args = (others,) if before.is_a(layers.Multiply) else tuple(others)
                return _scaled(node, like(before, args=args), scale[0])
    return None


def _scaled(node: Node, x: Node, scale: float) -> Node:
    kernel, *bias = node.weights
    return like(node, args=(x,), weights=[(kernel * scale).astype(kernel.dtype), *bias])


def hard_swish(node: Node, uses: Uses | None = None) -> Node | None:
    """`(x * (1/6)) * relu6(x + 3)`: with the factor last, the converter would fuse it to HARD_SWISH again."""
    if is_hard_swish(node):
        x = node.input
        gate = relu6(plus(x, 3.0, node), node)
        return new(layers.Multiply, ([times(x, 1 / 6, node), gate],), node, "times", {})
    return None


def _constant(node: Node, kernel: np.ndarray) -> Node:
    """A depthwise convolution that replaces a pool: the same kernel for each channel, not trainable."""
    config = {
        "kernel_size": kernel.shape,
        "strides": each(node.config["strides"])[:2],
        "padding": node.config["padding"],
    }
    convolution = like(node, call=layers.DepthwiseConv2D, config={**config, "use_bias": False, "trainable": False})
    convolution.weights = [np.repeat(kernel.astype("float32")[:, :, None, None], node.shape[-1], axis=2)]
    return convolution
