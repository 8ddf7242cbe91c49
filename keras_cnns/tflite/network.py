"""A model on its way to a file: read into a graph once, with its signature and what is known of it already."""

import hashlib
from dataclasses import dataclass
from types import FunctionType

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.graph.carried import Carried
from keras_cnns.graph.graph import Graph
from keras_cnns.graph.node import Item, Node
from keras_cnns.graph.reader import is_reduced, read
from keras_cnns.support.errors import UserError
from keras_cnns.tflite.aware.fake_quant import ROUNDED, FakeQuant, is_quantization_aware
from keras_cnns.tflite.file import convert
from keras_cnns.tflite.rewrite import class_map, ends
from keras_cnns.tflite.verify import verdict
from keras_cnns.version import __version__

CLOSE = 20.0  # dB between a model in reduced precision and itself in float32


@dataclass(frozen=True)
class Network:
    """model: in float32, what the file is compared with. graph: the same, to be copied before it is rewritten.

    inputs, outputs: their names in the file. key: a digest of everything that can change an answer (graph,
    configuration, weights, the policy of floats, the code's version); None where something cannot be put into numbers.
    """

    model: keras.Model
    graph: Graph
    inputs: list
    outputs: list
    key: str | None

    @classmethod
    def of(cls, model):
        """Reads a functional model; one of reduced precision is made again in float32, and compared with itself.

        Raises:
          UserError: it cannot be read, or is another model in float32.
        """
        graph = read(model)
        if is_reduced(model):
            model = _in_float32(model, graph)
        return cls(model, graph, convert.input_names(model), convert.output_names(model), _key(graph))

    @property
    def is_quantization_aware(self):
        """Whether `quantization_aware` made the model."""
        return is_quantization_aware(self.model)

    def sized(self, given):
        """The same with open sides of its inputs as in the arrays `{input name: array}`; itself if none is open."""
        shapes = [tuple(tensor.shape[1:]) for tensor in self.model.inputs]
        if not any(None in shape for shape in shapes):
            return self
        graph = self.graph.copy()
        nodes = keras.tree.flatten(graph.inputs)
        for node, name in zip(nodes, self.inputs, strict=True):
            node.config = {**node.config, "batch_shape": (None, *given[name].shape[1:])}
        return Network.of(graph.build())

    def explained(self, explain):
        """The same with the class map as one more output; itself where `explain` is None.

        Raises:
          UserError: it ends in another way than the map needs, or was trained to be rounded without it.
        """
        if explain is None:
            return self
        if self.is_quantization_aware:
            raise UserError("explain= is not for what quantization_aware made: nothing is known of the map's range.")
        return Network.of(class_map.add(self.graph.copy(), explain).build())

    def endings(self, said=None):
        """What each output is: `ends.endings`, rounding left aside."""

        def unrounded(node, uses):
            if node.is_a(FakeQuant):
                return node.input
            node.call = next((plain for plain, rounded in ROUNDED.items() if node.is_a(rounded)), node.call)

        return ends.endings(self.graph.copy().rewrite(unrounded), class_map.kinds(self.graph, said))

    def weights_digest(self):
        """Of all weights, so that a file can be traced to its checkpoint."""
        digest = hashlib.sha256()
        for value in self.model.get_weights():
            digest.update(np.ascontiguousarray(value).tobytes())
        return digest.hexdigest()

    def answers(self, images):
        """`{output name: (N, ...) array}` of the Keras model itself."""
        answer = lambda: verdict.reference_outputs(self.model, images, inputs=self.inputs, outputs=self.outputs)  # noqa: E731
        return self.once("answers", sums(images), answer)

    def once(self, what, given, make):
        """`make()`, or what it gave before for the same network, the same `what` and the same `given`."""
        global _last
        if self.key is None:
            return make()
        if _last[0] != self.key:
            _last = (self.key, {})
        found = _last[1]
        if what not in found or found[what][0] != given:
            found[what] = (given, make())
        return found[what][1]


_last: tuple = (None, {})  # of the network exported last; one is enough, and they are large


def _in_float32(model, graph):
    """The model of the graph, which computes in float32, if it answers as the one in reduced precision does."""
    plain = graph.copy().build()
    if all(None not in tensor.shape[1:] for tensor in model.inputs):
        noise = np.random.default_rng(0)
        given = [tf.cast(noise.uniform(0, 1, (2, *t.shape[1:])), t.dtype) for t in model.inputs]
        structure = getattr(model, "_functional", model)._inputs_struct
        given = keras.tree.pack_sequence_as(structure, given)
        for a, b in zip(*(keras.tree.flatten(m(given, training=False)) for m in (model, plain)), strict=True):
            a, b = (np.asarray(keras.ops.cast(v, "float64")) for v in (a, b))
            if np.isfinite(a).all() and np.sum((a - b) ** 2) * 10 ** (CLOSE / 10) > np.sum(a**2):
                raise UserError(
                    f"{model.name} computes in {model.compute_dtype} and is another network in float32: build it in "
                    "float32, load its weights, and export that."
                )
    return plain


def sums(arrays):
    """What tells arrays by name apart from others; None of None."""
    return arrays and {name: _sum(array) for name, array in arrays.items()}


def _sum(array):
    return array.shape, str(array.dtype), hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _key(graph):
    """The digest of a graph; None where it holds something of somebody else's, which may change and not show."""
    nodes = graph.nodes
    place = {node: i for i, node in enumerate(nodes)}
    digest = hashlib.sha256(f"{__version__} {keras.__version__} {tf.__version__}".encode())
    digest.update(
        f"{keras.config.dtype_policy().name} {keras.config.floatx()} {keras.config.epsilon()} {graph.name}".encode()
    )
    try:
        for node in nodes:
            parts = (_call(node.call), node.name, node.config, node.args, node.kwargs, node.shape)
            digest.update(_text(parts, place).encode())
            for array in node.weights:
                digest.update(np.ascontiguousarray(array).tobytes())
        digest.update(_text((graph.inputs, graph.outputs), place).encode())
    except _Unknown:
        return None
    return digest.hexdigest()


class _Unknown(Exception):
    """A value of which nobody can say whether it is still the same."""


def _call(call):
    if isinstance(call, Carried) or not getattr(call, "__module__", type(call).__module__).startswith(
        ("keras", "keras_cnns")
    ):
        raise _Unknown
    if isinstance(call, Item):
        return f"item {call.index}"
    if isinstance(call, (type, FunctionType)):
        return f"{call.__module__}.{call.__qualname__}"
    hidden = ("_inbound_nodes", "_outbound_nodes", "_auto_config", "_lock", "_tracker")
    return type(call).__qualname__, {k: v for k, v in vars(call).items() if k not in hidden}


def _text(value, place):
    """A text that two values share only if they are equal."""
    if isinstance(value, Node):
        return f"<{place[value]}>"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!r}:{_text(item, place)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple, set)):
        return "[" + ",".join(_text(item, place) for item in value) + "]"
    if isinstance(value, (str, int, float, bool, bytes, type(None), slice, type(...))):
        return repr(value)
    if hasattr(value, "__array__"):
        return str(_sum(np.asarray(value)))
    if isinstance(value, FunctionType) and value.__module__.startswith("keras."):
        return value.__qualname__
    if type(value).__module__.startswith("keras.") and hasattr(value, "get_config"):  # regularizers, constraints
        return type(value).__qualname__ + _text(value.get_config(), place)
    raise _Unknown
