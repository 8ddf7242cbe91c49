"""Forms of convolutions with which XNNPACK computes a network of mostly zero 1x1 convolutions by its sparse kernels.

Its sparse kernels work on channels first. A network is computed so from its first 3x3 convolution of stride 2 to its
global average if every operator between them has such a kernel (`xnn_check_nchw_compatibility` in XNNPACK's
subgraph.c). Convolutions of stride 2 have one only with the same padding on all sides. TensorFlow pads pictures of even
sides on the right and at the bottom: this file writes such convolutions with symmetric padding, without changing the
answers.
"""

import numpy as np
from keras import layers, ops

from keras_cnns.graph.graph import Graph
from keras_cnns.graph.kinds import is_hard_swish, is_relu
from keras_cnns.graph.node import Node, Uses, like, new
from keras_cnns.tflite.rewrite.padding import each, same_padding, zeros_around

SPARSE = 2 / 3  # zeros of the 1x1 convolutions and dense layers, from which XNNPACK takes its sparse kernels


def to_sparse_forms(graph: Graph) -> bool:
    """Changes a prepared graph if XNNPACK then computes it by sparse kernels; whether it does."""
    entries = [place for place, node in enumerate(graph.nodes) if node.is_a(layers.Conv2D) and _is_entry(node)]
    if len(entries) != 1 or not is_sparse(graph) or not all(map(_fits, graph.nodes[entries[0] + 1 :])):
        return False
    graph.rewrite(symmetric_entry, symmetric_depthwise)
    return True


def is_sparse(graph: Graph) -> bool:
    """Whether more than two thirds of the weights of 1x1 convolutions and dense layers are zero."""
    kernels = [node.weights[0] for node in graph.nodes if node.is_a(layers.Dense) or _is_pointwise(node)]
    return sum(np.sum(k == 0) for k in kernels) > SPARSE * sum(k.size for k in kernels)


def _fits(node: Node) -> bool:
    """Whether a node behind the entry can be computed with channels first, or is no picture any more."""
    if node.is_a(layers.GlobalAveragePooling2D) or len(node.shape) != 4:
        return True
    if node.is_a(layers.Conv2D):
        return _is_pointwise(node)
    if node.is_a(layers.DepthwiseConv2D):
        return _symmetric_kernel(node) is not None
    if node.is_a(layers.Add, ops.add):
        return len(node.inputs) == 2
    return is_relu(node) or is_hard_swish(node) or zeros_around(node) == [(1, 1), (1, 1)]


def _is_pointwise(node: Node) -> bool:
    config = node.config
    plain = node.is_a(layers.Conv2D) and config["groups"] == 1
    return plain and (each(config["kernel_size"])[:2], each(config["strides"])[:2]) == ((1, 1), (1, 1))


def _is_entry(node: Node) -> bool:
    """Whether this is a 3x3 convolution of stride 2 on pictures with three channels."""
    config = node.config
    sizes = [each(config[key])[:2] for key in ("kernel_size", "strides", "dilation_rate")]
    return sizes == [(3, 3), (2, 2), (1, 1)] and node.input.shape[-1] == 3 and _sides(node) is not None


def _sides(node: Node) -> list[tuple[int, int]] | None:
    """Zeros before and after the rows and the columns; None where XNNPACK's kernels cannot have them."""
    if node.config["padding"] == "valid":
        return zeros_around(node.input) if zeros_around(node.input) == [(1, 1), (1, 1)] else None
    size = each(node.config["kernel_size"])[0]
    sides = [same_padding(n, size, each(node.config["strides"])[0]) for n in node.input.shape[1:3]]
    return sides if all(side in ((0, 1), (1, 1), (2, 2)) for side in sides) else None


def _symmetric_kernel(node: Node) -> np.ndarray | None:
    """The depthwise kernel for symmetric padding: 3x3 for one pixel, 5x5 for two; None if there is none."""
    (kernel, *_), config = node.weights, node.config
    size, stride = each(config["kernel_size"])[:2], each(config["strides"])[:2]
    known = size in ((3, 3), (5, 5)) and stride in ((1, 1), (2, 2)) and each(config["dilation_rate"])[:2] == (1, 1)
    if not known or kernel.shape[-1] != 1 or (sides := _sides(node)) is None:
        return None
    if all(side == (size[0] // 2,) * 2 for side in sides):
        return kernel
    if size != (3, 3):
        return None
    wide = np.zeros((5, 5, *kernel.shape[2:]), kernel.dtype)
    (top, _), (left, _) = sides
    wide[2 - top : 5 - top, 2 - left : 5 - left] = kernel
    return wide


def symmetric_depthwise(node: Node, uses: Uses) -> Node | None:
    """Pads a depthwise convolution of stride 2 alike on all sides: a 3x3 kernel becomes the corner of a 5x5 kernel."""
    if not node.is_a(layers.DepthwiseConv2D) or node.config["padding"] == "valid":
        return None
    if each(node.config["strides"])[0] == 1 or (kernel := _symmetric_kernel(node)) is None:
        return None
    config = {**node.config, "kernel_size": kernel.shape[:2], "padding": "valid"}
    return like(node, config=config, weights=[kernel, *node.weights[1:]], args=(_padded(node, len(kernel) // 2),))


def symmetric_entry(node: Node, uses: Uses) -> Node | None:
    """Pads the first convolution alike on all sides.

    Where TensorFlow pads on the right and at the bottom only, the nine pixels under the kernel become 27 channels: a
    convolution of stride 2 takes the nearest pixels, and a depthwise one moves those of the next row or column here.
    A 1x1 convolution then has the original weights.
    """
    if not node.is_a(layers.Conv2D) or not _is_entry(node) or node.config["padding"] == "valid":
        return None
    sides, padded = _sides(node) or [], _padded(node, 1)
    valid = {**node.config, "padding": "valid"}
    if sides == [(1, 1), (1, 1)]:
        return like(node, config=valid, args=(padded,))
    kernel, *bias = node.weights
    taken, moved = np.zeros((3, 3, 3, 27), "float32"), np.zeros((3, 3, 27, 1), "float32")
    for number, (row, column, channel) in enumerate(np.ndindex(3, 3, 3)):
        from_row, to_row = _nearest(row, sides[0])
        from_column, to_column = _nearest(column, sides[1])
        taken[from_row, from_column, channel, number] = 1
        moved[to_row, to_column, number, 0] = 1
    shape = (*node.shape[:-1], 27)
    common = {"use_bias": False, "dtype": node.config.get("dtype")}
    pixels = new(layers.Conv2D, (padded,), node, "pixels", common | {"filters": 27, "kernel_size": 3, "strides": 2})
    pixels.weights, pixels.shape = [taken], shape
    window = new(
        layers.DepthwiseConv2D, (pixels,), node, "window", common | {"kernel_size": 3, "padding": "same", "strides": 1}
    )
    window.weights, window.shape = [moved], shape
    pointwise = {**valid, "kernel_size": (1, 1), "strides": (1, 1)}
    return like(node, config=pointwise, weights=[kernel.reshape(1, 1, 27, -1), *bias], args=(window,))


def _nearest(place: int, side: tuple[int, int]) -> tuple[int, int]:
    """Where the entry takes a row or column of its kernel from, and whether the next window has it: 1 (here) or 2."""
    return (place, 1) if side == (1, 1) else (1 + place % 2, 1 + place // 2)


def _padded(node: Node, pixels: int) -> Node:
    before = node.input
    padded = new(layers.ZeroPadding2D, (before,), node, "padding", {"padding": pixels})
    batch, rows, columns, channels = before.shape
    padded.shape = (batch, rows + 2 * pixels, columns + 2 * pixels, channels)
    return padded
