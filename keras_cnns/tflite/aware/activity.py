"""Activity regularizers become layers of their own, so that rewriting a layer does not move what they measure."""

from keras import layers, tree

from keras_cnns.graph.graph import Graph
from keras_cnns.graph.node import Node, Uses, new
from keras_cnns.tflite.aware.fake_quant import ActivityRegularizer

INNER = "_unregularized"  # ends the name of an output's layer whose regularizer stands behind it


def regularizers_behind(graph: Graph) -> None:
    """Puts an `ActivityRegularizer` behind each node that has one; an output's takes over its name."""
    outputs = tree.flatten(graph.outputs)
    graph.rewrite(lambda node, uses: _behind(node, node in outputs))


def _behind(node: Node, is_output: bool) -> Node | None:
    if node.many or not isinstance(node.call, type):
        return None
    if node.is_a(layers.ActivityRegularization):
        regularizer = layers.ActivityRegularization.from_config(node.settings(node.name)).activity_regularizer
        node.call, node.config = layers.Identity, {}
    elif (regularizer := node.config.get("activity_regularizer")) is not None:
        node.config = {key: value for key, value in node.config.items() if key != "activity_regularizer"}
    else:
        return None
    regularized = new(ActivityRegularizer, (node,), node, "activity", {"activity_regularizer": regularizer})
    if is_output:
        node.name, regularized.name = node.name + INNER, node.name
    return regularized


def without_regularizer(node: Node, uses: Uses | None = None) -> Node | None:
    """The rule that drops them: for a file."""
    return node.input if node.is_a(ActivityRegularizer) else None
