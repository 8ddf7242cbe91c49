"""Rebuilds a Keras 3 model in tf_keras, because tensorflow-model-optimization works with no other Keras.

The graph is prepared but keeps the batch normalization behind its convolutions. It is rebuilt in tf_keras layer by
layer under the same names, trained there, and brought back by these names.

Only this module and `quantized_twin.py` import tf_keras and tfmot: `pip install keras_cnns[qat]`.
"""

import inspect
import os
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops, tree
from tensorflow import keras as _keras_of_tensorflow

from keras_cnns.graph.graph import Graph
from keras_cnns.graph.keras_internals import producer
from keras_cnns.graph.node import Node
from keras_cnns.graph.reader import read
from keras_cnns.support.errors import NotInstalled, UserError
from keras_cnns.tflite.aware import native
from keras_cnns.tflite.aware.source import compare
from keras_cnns.tflite.rewrite.equalize import equalize
from keras_cnns.tflite.rewrite.fold import Affine, number_affine, to_unit_variance
from keras_cnns.tflite.rewrite.prepare import Outputs, prepared

# tfmot sets TF_USE_LEGACY_KERAS for the whole process and its children, and what `tensorflow.keras` is, is decided at
# its first use. Both stay as they were: it is used here, before, and the variable is put back.
_ENVIRONMENT = os.environ.get("TF_USE_LEGACY_KERAS")
_keras_of_tensorflow.__name__  # noqa: B018
try:
    import tensorflow_model_optimization as tfmot  # noqa: F401 (for those that import this module)
    import tf_keras
except ImportError as error:
    raise NotInstalled(f"{error.name} is not installed: pip install keras_cnns[qat]") from error
finally:
    os.environ.pop("TF_USE_LEGACY_KERAS", None)
    if _ENVIRONMENT is not None:
        os.environ["TF_USE_LEGACY_KERAS"] = _ENVIRONMENT

__all__ = ["HeldBatchNormalization", "Twin", "layer_for", "tf_keras", "tfmot"]
_DROPPED = ("initializer", "regularizer", "constraint", "quantization_config", "dtype", "synchronized", "autocast")


class HeldBatchNormalization(tf_keras.layers.BatchNormalization):
    """Computes in training as in inference, like `keras_cnns.layers.HeldBatchNormalization` in Keras 3."""

    def call(self, inputs: Any, training: Any = None) -> Any:
        return super().call(inputs, training=False)


class Twin:
    """A Keras 3 model and its tf_keras twin.

    Attributes:
      source: the Keras 3 model.
      model: the tf_keras model.
      graph: the network as nodes, named like its layers.
      names: of the outputs.
      hold_statistics: as in `api.quantization_aware`.
      rescales: whether kernels may change together with the batch normalization behind them, if they compute the same.
    """

    rescales = False

    def __init__(self, model: keras.Model, *, outputs: Outputs = None, hold_statistics: bool = False) -> None:
        """The twin of a functional Keras 3 model; same inputs, same outputs to 1e-5.

        Raises:
          UserError: the model has no graph, shares a layer's weights between calls, has a layer that tf_keras lacks, or
            the two do not answer alike.
        """
        self.source, self.hold_statistics, self.graph = model, hold_statistics, read(model)
        kept = native.kept_outputs(self.graph, outputs)
        self.names = [producer(model.outputs[i]).name for i in kept]
        prepared(self.graph, outputs=outputs, keep_dropout=True, keep_batch_norm=True, keep_scaling=self.rescales)
        native.float_inputs(self.graph)
        if hold_statistics and self.rescales:
            self.graph.rewrite(to_unit_variance)
        if self.rescales:
            equalize(self.graph, training=True)
        _give_distinct_names(self.graph)
        self.model = self.make()
        compare(model, kept, self._answers)

    def _answers(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        tensors = [np.asarray(x, tensor.dtype.name) for x, tensor in zip(inputs, self.model.inputs, strict=True)]
        results = self.model(tree.pack_sequence_as(self.graph.inputs, tensors), training=False)
        return [np.asarray(x, np.float64) for x in tree.flatten(results)]

    def make(self, wrap: Callable[[Node, Any], Any] = lambda node, layer: layer) -> tf_keras.Model:
        """A new tf_keras model with the weights of the graph.

        wrap(node, layer) returns the layer to call for a node. For an input, where `layer` is None, it returns a layer
        to put behind it, or None.
        """
        input_tensors, tensors, weighted = {}, {}, []
        for node in self.graph.nodes:
            if node.is_a(layers.InputLayer):
                shape, dtype = node.config["batch_shape"], node.config["dtype"]
                input_tensors[node] = tf_keras.Input(shape[1:], batch_size=shape[0], dtype=dtype, name=node.name)
                behind = wrap(node, None)
                tensors[node] = input_tensors[node] if behind is None else behind(input_tensors[node])
                continue
            layer = layer_for(node, self.hold_statistics)
            taken = [tensors[n] for n in node.inputs]
            tensors[node] = wrap(node, layer)(taken if len(taken) > 1 else taken[0])
            weighted.append((layer, node.weights))
        inputs = tree.map_structure(input_tensors.get, self.graph.inputs)
        outputs = tree.map_structure(tensors.get, self.graph.outputs)
        model = tf_keras.Model(inputs, outputs, name=self.graph.name)
        for layer, weights in weighted:
            if layer.weights:
                layer.set_weights(weights)
        return model

    def fetch(self, weights_of: Callable[[str], Sequence[np.ndarray]]) -> None:
        """Copies trained weights into the graph. weights_of(name): the list of a layer's arrays."""
        for node in self.graph.nodes:
            if node.weights and not node.is_a(Affine):
                node.weights = [np.asarray(w) for w in weights_of(node.name)]

    def back(self, model: tf_keras.Model | None = None) -> keras.Model:
        """The Keras 3 model with the current weights of the tf_keras model (by default `self.model`)."""
        model = model or self.model
        self.fetch(lambda name: model.get_layer(name).get_weights())
        return self.graph.build()


def _give_distinct_names(graph: Graph) -> None:
    taken = set()
    for node in graph.nodes:
        if node.shared:
            raise UserError(f"layer {node.shared!r} is called twice, which tfmot cannot train: use method='keras'")
        while node.name in taken:
            node.name += "_"
        taken.add(node.name)


def layer_for(node: Node, hold_statistics: bool = True) -> tf_keras.layers.Layer:
    """The tf_keras layer that computes what `node` does.

    Raises:
      UserError: there is none.
    """
    name = node.name
    if (affine := number_affine(node)) is not None:
        return tf_keras.layers.Rescaling(*affine, name=name)
    if node.is_a(Affine):
        return tf_keras.layers.Rescaling(*(np.asarray(w).tolist() for w in node.weights), name=name)
    if node.is_a(ops.multiply) and len(node.inputs) == 1:  # by an array, as at the edges of average pooling
        (factor,) = (x for x in node.args if x is not node.input)
        return tf_keras.layers.Rescaling(np.asarray(factor).tolist(), name=name)
    for call, counterpart in ((ops.add, "Add"), (ops.multiply, "Multiply"), (ops.subtract, "Subtract")):
        if node.is_a(call) and len(node.inputs) == 2:
            return getattr(tf_keras.layers, counterpart)(name=name)
    if node.is_a(ops.pad) and not node.kwargs.get("constant_values") and len(node.shape) == 4:
        (_, _), rows, columns, channels = (tuple(p) for p in node.args[1])
        if channels == (0, 0):
            return tf_keras.layers.ZeroPadding2D((rows, columns), name=name)
        if rows == (0, 0):  # the two last axes, for which tf_keras has the words of the other order
            return tf_keras.layers.ZeroPadding2D((columns, channels), data_format="channels_first", name=name)
    kind: Any = getattr(tf_keras.layers, node.kind, None) if isinstance(node.call, type) else None
    if kind is None or not node.call.__module__.startswith("keras."):
        raise UserError(f"layer {name!r} ({node.kind}) has no counterpart in tf_keras: use method='keras'")
    if hold_statistics and kind is tf_keras.layers.BatchNormalization:
        kind = HeldBatchNormalization
    known = set(inspect.signature(kind.__init__).parameters) | {"trainable"}
    config = {k: v for k, v in node.config.items() if k in known and not k.endswith(_DROPPED)}
    if node.is_a(layers.LeakyReLU):
        config["alpha"] = node.config["negative_slope"]
    return kind(**{**config, "name": name})
