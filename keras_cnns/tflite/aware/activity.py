"""Makes activity regularizers layers of their own, so that rewriting a layer does not change what they measure."""

from typing import Any

import keras
import tensorflow as tf
from keras import layers, tree

from keras_cnns.graph.graph import Graph
from keras_cnns.graph.node import Node, Uses, new

INNER = "_unregularized"  # ends the name of an output's layer whose regularizer stands behind it


@keras.saving.register_keras_serializable("keras_cnns")
class ActivityRegularizer(layers.Layer):
    """Returns x and adds the loss of its `activity_regularizer`: what another layer had, behind its activation."""

    def __init__(self, activity_regularizer: Any = None, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.supports_masking = True

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return x

    def get_config(self) -> dict[str, Any]:
        own = {"activity_regularizer": keras.regularizers.serialize(self.activity_regularizer)}
        return {**super().get_config(), **own}

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape


def regularizers_behind(graph: Graph) -> None:
    """Puts an `ActivityRegularizer` behind each node that has one; if the node is an output, it takes over its name."""
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
    """The rule that removes activity regularizers, for a file."""
    return node.input if node.is_a(ActivityRegularizer) else None
