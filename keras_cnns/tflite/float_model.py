"""The float32 model that a file is made from and compared with, as a graph."""

import hashlib
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.graph.graph import Graph
from keras_cnns.graph.keras_internals import array_of, input_structure
from keras_cnns.graph.node import Node
from keras_cnns.graph.reader import is_reduced, read
from keras_cnns.support.errors import UnsupportedModel
from keras_cnns.tflite.aware.activity import ActivityRegularizer
from keras_cnns.tflite.aware.fake_quant import ROUNDED, FakeQuant, is_quantization_aware
from keras_cnns.tflite.file import convert
from keras_cnns.tflite.rewrite import class_map
from keras_cnns.tflite.rewrite.endings import Ending, endings

CLOSE = 20.0  # dB between a model in reduced precision and itself in float32


@dataclass(frozen=True)
class FloatModel:
    """A functional model with its graph and signature.

    Attributes:
      model: in float32; what the file is compared with.
      graph: of the same model; copy it before rewriting.
      inputs, outputs: their names in the file.
      is_quantization_aware: whether `quantization_aware` made the model.
    """

    model: keras.Model
    graph: Graph
    inputs: list[str]
    outputs: list[str]
    is_quantization_aware: bool = False

    @classmethod
    def of(cls, model: keras.Model) -> "FloatModel":
        """Reads a functional model. A model of reduced precision is rebuilt in float32 and compared with itself.

        Raises:
          UserError: the model cannot be read, or answers differently in float32.
        """
        graph = read(model)
        if is_reduced(model):
            model = _in_float32(model, graph)
        names = convert.input_names(model), convert.output_names(model)
        return cls(model, graph, *names, is_quantization_aware(model))

    def sized(self, images: dict[str, np.ndarray]) -> "FloatModel":
        """The same model with the open sides of its inputs fixed to those of `images`; itself if no side is open."""
        shapes = [tuple(tensor.shape[1:]) for tensor in self.model.inputs]
        if not any(None in shape for shape in shapes):
            return self
        graph = self.graph.copy()
        nodes = keras.tree.flatten(graph.inputs)
        for node, name in zip(nodes, self.inputs, strict=True):
            node.config = {**node.config, "batch_shape": (None, *images[name].shape[1:])}
        return FloatModel.of(graph.build())

    def explained(self, explain: str | None) -> "FloatModel":
        """The same model with the class map as one more output; itself if `explain` is None.

        Raises:
          UserError: the model does not end as the map needs, or is quantization-aware.
        """
        if explain is None:
            return self
        if self.is_quantization_aware:
            raise UnsupportedModel(
                "explain= is not available for a quantization-aware model: the range of the class map is not known."
            )
        return FloatModel.of(class_map.add(self.graph.copy(), explain).build())

    def endings(self, stated: object = None) -> list[Ending]:
        """The `Ending` of each output, without the rounding of quantization-aware training.

        stated: the caller's kinds of the outputs.
        """

        def without_rounding(node: Node, uses: dict) -> Node | None:
            if node.is_a(FakeQuant, ActivityRegularizer):
                return node.input
            node.call = next((plain for plain, rounded in ROUNDED.items() if node.is_a(rounded)), node.call)
            return None

        graph = self.graph.copy().rewrite(without_rounding) if self.is_quantization_aware else self.graph
        return endings(graph, class_map.kinds(self.graph, stated))

    def weights_digest(self) -> str:
        """SHA-256 of all weights, so that a file can be traced to its checkpoint."""
        digest = hashlib.sha256()
        for variable in self.model.weights:
            digest.update(np.ascontiguousarray(array_of(variable)).data)
        return digest.hexdigest()


def _in_float32(model: keras.Model, graph: Graph) -> keras.Model:
    """The model of the graph, in float32, if it answers like the one in reduced precision."""
    plain = graph.copy().build()
    if all(None not in tensor.shape[1:] for tensor in model.inputs):
        noise = np.random.default_rng(0)
        images = [tf.cast(noise.uniform(0, 1, (2, *t.shape[1:])), t.dtype) for t in model.inputs]
        structure = input_structure(model)
        images = keras.tree.pack_sequence_as(structure, images)
        answers = (keras.tree.flatten(m(images, training=False)) for m in (model, plain))
        for a, b in zip(*answers, strict=True):
            a, b = (np.asarray(keras.ops.cast(v, "float64")) for v in (a, b))
            if np.isfinite(a).all() and np.sum((a - b) ** 2) * 10 ** (CLOSE / 10) > np.sum(a**2):
                raise UnsupportedModel(
                    f"{model.name} computes in {model.compute_dtype} and answers differently in float32: build it in "
                    "float32, load its weights, and export that."
                )
    return plain
