"""The class map as one more output: where in the picture each class is seen. Zhou et al. 2016, 1512.04150.

If a network ends in pooling and one dense layer, each score is the mean over positions of the dense layer's result at
each position. A 1x1 convolution with the same weights shows where the score comes from, without gradients.
"""

from typing import Any

import numpy as np
from keras import layers, tree

from keras_cnns.graph.graph import Graph
from keras_cnns.graph.kinds import ARGMAX, CONVS, MEAN, TOP_K, activation_of
from keras_cnns.graph.node import Item, Node
from keras_cnns.support.errors import BadArgument, UnsupportedModel, nearest
from keras_cnns.tflite.rewrite.endings import behind_passing, is_softmax
from keras_cnns.tflite.rewrite.padding import each
from keras_cnns.tflite.targets.litert_interpreter import CLASS_MAP

METHODS = ("cam",)
NEEDS = "the class map needs maps, global average pooling and at most one dense layer before the scores"
SQUASHES = ("softmax", "sigmoid", "linear")


def add(graph: Graph, explain: str) -> Graph:
    """Gives the graph the output `class_map`, [batch, rows, columns, classes]: its mean over the positions is the
    scores before softmax and bias.

    Raises:
      UserError: no such method, or the scores are made in another way; it names the layer.
    """
    if explain not in METHODS:
        raise BadArgument(f"explain is {explain!r}: choose from {', '.join(METHODS)}.{nearest(explain, METHODS)}")
    if any(node.name == CLASS_MAP for node in graph.nodes):
        raise UnsupportedModel(f"{graph.name} has a layer {CLASS_MAP!r} already, which is the name of the class map.")
    flat = tree.flatten(graph.outputs)
    main = [node for node in flat if not node.name.lower().startswith("aux")] or flat
    scores = list(dict.fromkeys(_before_choice(node) for node in main))
    if len(scores) != 1:
        names = ", ".join(node.name for node in scores)
        raise UnsupportedModel(f"{graph.name} has {len(scores)} outputs ({names}): {NEEDS}, of one output.")
    maps, kernel = _pooled(scores[0], graph.name)
    if kernel is None:
        added = Node(layers.Identity, (maps,), name=CLASS_MAP, shape=maps.shape)
    else:
        config = {"filters": kernel.shape[1], "kernel_size": 1, "use_bias": False}
        shape = (*maps.shape[:3], kernel.shape[1])
        added = Node(layers.Conv2D, (maps,), config=config, weights=[kernel[None, None]], name=CLASS_MAP, shape=shape)
    if isinstance(graph.outputs, dict):
        graph.outputs = {**graph.outputs, CLASS_MAP: added}
    else:
        graph.outputs = [*flat, added]
    return graph


def kinds(graph: Graph, stated: Any = None) -> Any:
    """The caller's kinds of outputs, see `endings`, with the class map added."""
    names = [node.origin for node in tree.flatten(graph.outputs)]
    if CLASS_MAP not in names:
        return stated
    if isinstance(stated, (list, tuple)):
        place = names.index(CLASS_MAP)
        return [*stated[:place], CLASS_MAP, *stated[place:]]
    by_name = dict.fromkeys(names, stated) if isinstance(stated, str) else stated or {}
    return {**by_name, CLASS_MAP: CLASS_MAP}


def _before_choice(node: Node) -> Node:
    """The scores behind the number of the best class or of the k best."""
    node = behind_passing(node)
    if isinstance(node.call, Item) and node.input.is_a(TOP_K):
        return behind_passing(node.input.input)
    return behind_passing(node.input) if node.is_a(ARGMAX) else node


def _pooled(node: Node, name: str) -> tuple[Node, np.ndarray | None]:
    """The averaged maps, and the kernel [maps, classes] behind them; None where the maps are the classes'."""
    if is_softmax(node) or node.is_a(layers.Activation) and activation_of(node) == "sigmoid":
        node = behind_passing(node.input)
    kernel = None
    if node.is_a(layers.Dense) and len(node.shape) == 2 or _is_pointwise(node):
        if activation_of(node) not in SQUASHES:
            raise UnsupportedModel(
                f"{name} ends in {node.name!r}, whose scores pass through {activation_of(node)}: {NEEDS}."
            )
        kernel = node.weights[0].reshape(node.weights[0].shape[-2:])
        node = behind_passing(node.input)
    if not _is_average(node):
        raise UnsupportedModel(f"{name} has {node.name!r} ({node.kind}) before its scores: {NEEDS}.")
    return node.input, kernel


def _is_pointwise(node: Node) -> bool:
    """A convolution of a single position, which is a dense layer."""
    return node.is_a(*CONVS) and node.input.shape[1:-1] == (1, 1) and node.config.get("groups", 1) == 1


def _is_average(node: Node) -> bool:
    """The mean over all positions of maps [batch, rows, columns, channels]."""
    if not node.inputs or len(node.input.shape) != 4 or node.config.get("data_format") == "channels_first":
        return False
    if node.is_a(MEAN):
        axis = node.call.axis
        return isinstance(axis, (list, tuple)) and sorted(a % 4 for a in axis) == [1, 2]
    covers_all = node.is_a(layers.AveragePooling2D) and tuple(each(node.config["pool_size"])) == node.input.shape[1:3]
    return covers_all and node.config["padding"] == "valid" or node.is_a(layers.GlobalAveragePooling2D)
