"""What each output of a graph is, such as probabilities of classes, as far as its last nodes show."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from keras_cnns.graph.graph import Graph
from keras_cnns.graph.kinds import (
    ARGMAX,
    COPIES,
    DROPOUTS,
    LOG_SOFTMAX,
    NORMALIZE,
    RESHAPES,
    SOFTMAX,
    TOP_K,
    activation_of,
)
from keras_cnns.graph.node import Item, Node
from keras_cnns.support.errors import BadArgument, UnsupportedModel
from keras_cnns.tflite.rewrite.fold import number_affine
from keras_cnns.tflite.rewrite.prepare import decomposed

KINDS = {
    "classifier": "probabilities of classes that exclude each other: a softmax",
    "logits": "scores of such classes before the softmax",
    "multilabel": "independent probabilities: sigmoids",
    "segmentation": "a class for every pixel",
    "classes": "the numbers of classes themselves: an argmax",
    "boxes": "boxes with a class and a score each, compared by their overlap, weighted by score",
    "embedding": "vectors, of which the direction is compared",
    "class_map": "a map that shows where the predicted class is seen",
    "regression": "any other numbers",
}
"""What an output can be, which decides how a file is compared with its model: {name: description}.

`keras_cnns.tflite.export(..., outputs=NAME)` sets it; by default it is detected from the end of the network.

>>> keras_cnns.tflite.KINDS["multilabel"]
'independent probabilities: sigmoids'
"""
_PASSING = (keras.layers.Identity, keras.layers.Reshape, keras.layers.Flatten, *RESHAPES, *COPIES)


@dataclass(frozen=True)
class Ending:
    """What an output is.

    Attributes:
      kind: a key of `KINDS`.
      scores: for class numbers, the graph of the scores that they are the highest of.
      certain: whether the graph or the caller shows it; a dense layer alone may give logits or a regression.
    """

    kind: str
    scores: Graph | None = None
    certain: bool = True


def endings(graph: Graph, stated: Any = None) -> list[Ending]:
    """The `Ending` of every output, by the end of the graph or as stated.

    stated: a key of `KINDS` for all outputs, a list with one for each, or a dict by the names of the outputs' layers.

    Raises:
      UserError: there is no such kind, or their number differs from that of the outputs.
    """
    copy = graph.copy().rewrite(decomposed)
    by_graph = [_ending(node, lambda n: Graph(copy.inputs, n, "scores")) for node in keras.tree.flatten(copy.outputs)]
    if stated is None:
        return by_graph
    names = [node.origin for node in keras.tree.flatten(graph.outputs)]
    if isinstance(stated, str):
        stated = [stated] * len(by_graph)
    elif isinstance(stated, dict):
        unknown = set(stated) - set(names)
        if unknown:
            raise BadArgument(f"there is no output {', '.join(map(str, unknown))}: the outputs are {', '.join(names)}.")
        stated = [stated.get(name, ending.kind) for name, ending in zip(names, by_graph, strict=True)]
    wrong = (
        [k for k in stated if not isinstance(k, str) or k not in KINDS]
        if isinstance(stated, (list, tuple))
        else [stated]
    )
    if wrong or len(stated) != len(by_graph):
        kinds = f"say one of {', '.join(KINDS)} for each of {len(by_graph)}."
        raise UnsupportedModel(f"outputs is {', '.join(map(str, wrong)) or stated}: {kinds}")
    for kind, node, name in zip(stated, keras.tree.flatten(copy.outputs), names, strict=True):
        if kind == "class_map" and len(node.shape) != 4:
            raise UnsupportedModel(f"{name} is {node.shape[1:]}: a class_map is (rows, columns, classes).")
    return [Ending(kind, ending.scores) for kind, ending in zip(stated, by_graph, strict=True)]


def _ending(node: Node, graph_of: Callable[[Node], Graph]) -> Ending:
    shape, end = node.shape, behind_passing(node)
    if end.is_a(ARGMAX) and end.call.axis in (-1, len(end.input.shape) - 1):
        return Ending("classes", graph_of(end.input))
    if isinstance(end.call, Item) and end.input.is_a(TOP_K) and end.integers:
        return Ending("classes", graph_of(end.input.input))
    if node.integers:
        return Ending("classes")
    same_axis = end.shape[-1:] == shape[-1:]
    if is_softmax(end) and same_axis:
        return Ending("classifier" if len(shape) == 2 else "segmentation")
    if is_activation(end, "sigmoid"):
        return Ending("multilabel")
    if is_log_softmax(end) and same_axis:
        return Ending("logits" if len(shape) == 2 else "segmentation")
    while number_affine(end):  # a temperature
        end = behind_passing(end.input)
    if end.is_a(keras.layers.Dense) and len(shape) == 2 and same_axis and shape[-1] and shape[-1] > 1:
        return Ending("logits", certain=False)
    if end.is_a(keras.layers.UnitNormalization, NORMALIZE):
        return Ending("embedding")
    return Ending("regression")


def is_activation(node: Node, name: str) -> bool:
    return node.is_a(keras.layers.Activation) and activation_of(node) == name


def is_log_softmax(node: Node) -> bool:
    if node.is_a(*LOG_SOFTMAX):
        return _is_last(getattr(node.call, "axis", -1), node)
    return is_activation(node, "log_softmax")


def _is_last(axis: Any, node: Node) -> bool:
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    return len(axes) == 1 and axes[0] in (-1, len(node.shape) - 1)


def is_softmax(node: Node) -> bool:
    """Whether the node computes probabilities over the last axis."""
    if node.is_a(keras.layers.Softmax):
        return _is_last(node.config.get("axis", -1), node)
    if node.is_a(*SOFTMAX):
        return _is_last(getattr(node.call, "axis", -1), node)
    return is_activation(node, "softmax")


def behind_passing(node: Node) -> Node:
    """The node before whatever only casts, reshapes or passes values on."""
    while node.inputs and (
        node.is_a(*_PASSING, keras.ops.cast, *DROPOUTS)
        or is_activation(node, "linear")
        or number_affine(node) == (1.0, 0.0)
    ):
        node = node.input
    return node
