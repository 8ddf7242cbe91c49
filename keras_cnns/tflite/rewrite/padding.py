"""Merges layers of zero padding with the convolution behind them."""

from typing import Any

from keras import layers, ops

from keras_cnns.graph.kinds import CONVS, DEPTHWISE
from keras_cnns.graph.node import Node, like


def fuse_padding(node: Node, uses: dict[Node, int]) -> Node | None:
    """Merges zeros added before a "valid" convolution with it, if "same" padding adds exactly those zeros."""
    if not node.is_a(*CONVS[:2], *DEPTHWISE) or node.config["padding"] != "valid":
        return None
    before = node.input
    if uses[before] != 1 or (sides := zeros_around(before)) is None:
        return None
    size = before.input.shape[1:-1]
    per_axis = zip(size, each(node.config["kernel_size"]), each(node.config["strides"]), sides, strict=False)
    dilations = each(node.config["dilation_rate"])
    if all(same_padding(n, (k - 1) * d + 1, s) == p for (n, k, s, p), d in zip(per_axis, dilations, strict=False)):
        return like(node, config={**node.config, "padding": "same"}, args=(before.input,))
    return None


def zeros_around(node: Node) -> list[tuple[int, int]] | None:
    """(before, after) per axis between batch and channels, if `node` only adds zeros there."""
    if node.is_a(layers.ZeroPadding2D, layers.ZeroPadding1D):
        padding = node.config["padding"]
        return [tuple(p) for p in padding] if node.is_a(layers.ZeroPadding2D) else [tuple(padding)]
    if node.is_a(ops.pad) and not node.kwargs.get("constant_values"):
        batch, *middle, channels = [tuple(p) for p in node.args[1]]
        if batch == channels == (0, 0):
            return middle
    return None


def same_padding(size: int, window: int, stride: int) -> tuple[int, int]:
    if size is None:
        return None if stride > 1 else ((window - 1) // 2, window - 1 - (window - 1) // 2)
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def each(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,) * 3
