"""The form of a network of mostly zero 1x1 convolutions that XNNPACK computes by its sparse kernels.

These work on channels first. A network is computed so from its first 3x3 convolution of stride 2 to its global average
if every operator between them has such a kernel (`xnn_check_nchw_compatibility` in XNNPACK's subgraph.c). Convolutions
of stride 2 have one only with the same padding on all sides. TensorFlow pads pictures of even sides on the right and at
the bottom only. In a network that is mirrored, with mirrored pictures, these zeros are on the left and at the top,
where symmetric padding has them too; its zeros on the other side are never read.
"""

import numpy as np
from keras import layers, ops, tree

from keras_cnns.graph.graph import Graph
from keras_cnns.graph.kinds import is_hard_swish, is_relu
from keras_cnns.graph.node import Node, Uses, like, new
from keras_cnns.support.types import Tensor
from keras_cnns.tflite.rewrite.padding import each, same_padding, zeros_around

SPARSE = 2 / 3  # zeros of the 1x1 convolutions and dense layers, from which XNNPACK takes its sparse kernels


def to_sparse_form(graph: Graph) -> bool:
    """Changes a prepared graph, if it must be, so that XNNPACK computes it by sparse kernels; whether it does.

    A graph that cannot be computed so stays as it is.
    """
    entries = [place for place, node in enumerate(graph.nodes) if node.is_a(layers.Conv2D) and _is_entry(node)]
    if len(entries) != 1 or not is_sparse(graph):
        return False
    behind = graph.nodes[entries[0] :]
    if not all(map(_fits, behind[1:])) or any(len(node.shape) == 4 for node in tree.flatten(graph.outputs)):
        return False
    strided = [node for node in behind if _is_strided(node)]
    if all(zeros == _half(node) for node in strided for zeros, _ in _zeros_read(node)):
        graph.rewrite(padded_symmetrically)
        return True
    in_one_step = all(node.config["padding"] == "same" for node in strided)
    if in_one_step and all(zeros == _half(node) for node in strided for _, zeros in _zeros_read(node)):
        entry = behind[0]
        for node in behind:
            if len(node.shape) == 4:
                node.name = f"{node.name}_mirrored"  # it is not the result that the model's layer of that name has
        graph.rewrite(lambda node, uses: mirrored(node, is_entry=node is entry), padded_symmetrically)
        return True
    return False


def is_sparse(graph: Graph) -> bool:
    """Whether more than two thirds of the weights of 1x1 convolutions and dense layers are zero."""
    kernels = [node.weights[0] for node in graph.nodes if node.is_a(layers.Dense) or _is_pointwise(node)]
    return sum(np.sum(k == 0) for k in kernels) > SPARSE * sum(k.size for k in kernels)


def _fits(node: Node) -> bool:
    """Whether a node behind the entry can be computed with channels first, or comes behind the global average."""
    if node.is_a(layers.GlobalAveragePooling2D):
        return True
    if len(node.shape) != 4:
        return all(len(before.shape) != 4 for before in node.inputs)
    if node.is_a(layers.Conv2D):
        return _is_pointwise(node)
    if node.is_a(layers.DepthwiseConv2D):
        return _is_depthwise(node)
    if node.is_a(layers.Add, ops.add):
        return len(node.inputs) == 2 and node.inputs[0].shape == node.inputs[1].shape
    return is_relu(node) or is_hard_swish(node) or zeros_around(node) is not None


def _settings(node: Node) -> tuple[tuple[int, ...], ...]:
    """Kernel size, strides and dilation over rows and columns."""
    return tuple(tuple(each(node.config[key])[:2]) for key in ("kernel_size", "strides", "dilation_rate"))


def _is_pointwise(node: Node) -> bool:
    plain = node.is_a(layers.Conv2D) and node.config.get("groups", 1) == 1
    return plain and _settings(node)[:2] == ((1, 1), (1, 1))


def _is_entry(node: Node) -> bool:
    """Whether this is a 3x3 convolution of stride 2 on pictures with three channels."""
    known = _settings(node) == ((3, 3), (2, 2), (1, 1)) and node.config.get("groups", 1) == 1
    return known and node.input.shape[-1] == 3 and None not in node.shape[1:]


def _is_depthwise(node: Node) -> bool:
    size, strides, dilation = _settings(node)
    known = size in ((3, 3), (5, 5)) and strides in ((1, 1), (2, 2)) and dilation == (1, 1)
    return known and node.weights[0].shape[-1] == 1 and (strides == (2, 2) or node.config["padding"] == "same")


def _is_strided(node: Node) -> bool:
    return node.is_a(layers.Conv2D, layers.DepthwiseConv2D) and _settings(node)[1] == (2, 2)


def _half(node: Node) -> int:
    return _settings(node)[0][0] // 2


def _zeros_read(node: Node) -> list[tuple[int, int]]:
    """How many zeros the windows of a convolution of stride 2 read before and behind its rows, and its columns."""
    size, before = _settings(node)[0][0], node.input
    if node.config["padding"] == "same":
        sides = [same_padding(n, size, 2) for n in before.shape[1:3]]
        inner = before.shape[1:3]
    else:
        sides = zeros_around(before) or [(0, 0), (0, 0)]
        inner = [n - sum(side) for n, side in zip(before.shape[1:3], sides, strict=True)]
    ends = [2 * (n - 1) + size for n in node.shape[1:3]]
    return [(first, end - first - n) for (first, _), end, n in zip(sides, ends, inner, strict=True)]


def padded_symmetrically(node: Node, uses: Uses) -> Node | None:
    """Writes the padding of a convolution of stride 2 as zeros on all sides, which XNNPACK merges with it."""
    if not _is_strided(node) or node.config["padding"] != "same":
        return None
    half, before = _half(node), node.input
    padded = new(layers.ZeroPadding2D, (before,), node, "padding", {"padding": half})
    batch, rows, columns, channels = before.shape
    padded.shape = (batch, rows + 2 * half, columns + 2 * half, channels)
    return like(node, config={**node.config, "padding": "valid"}, args=(padded,))


def mirrored(node: Node, *, is_entry: bool) -> Node | None:
    """The node of a network that sees mirrored pictures; the entry mirrors them, top to bottom and left to right."""
    if not is_entry and not node.is_a(layers.DepthwiseConv2D):
        return None
    kernel, *others = node.weights
    args = node.args
    if is_entry:
        picture = new(mirror, (node.input,), node, "mirrored", {})
        picture.shape, args = node.input.shape, (picture,)
    return like(node, weights=[np.ascontiguousarray(kernel[::-1, ::-1]), *others], args=args)


def mirror(x: Tensor) -> Tensor:
    """Pictures upside down and left to right."""
    return x[:, ::-1, ::-1, :]
