"""What goes before and behind a network when it becomes a file: the camera's pixels in, scores or the answer out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_cnns.graph.graph import Graph, in_float32
from keras_cnns.graph.keras_internals import input_structure
from keras_cnns.graph.kinds import (
    ARGMAX,
    CONCATENATE,
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
from keras_cnns.graph.reader import read
from keras_cnns.support.errors import BadArgument, UnsupportedModel, first_line, nearest
from keras_cnns.support.probabilities import sum_to_one
from keras_cnns.tflite.rewrite.fold import number_affine
from keras_cnns.tflite.rewrite.prepare import apart

HEADS = {
    "softmax": "probabilities, inside the file",
    "logits": "what stands before the softmax, for an app that needs the order only",
    "argmax": "the number of the best class",
    "top_k": 'the `k` best: "scores" and "classes"',
    "parts": "what the last concatenation joins, an output each: integers then have a scale for each",
}


def with_ends(model: keras.Model, preprocessing: Any = None, head: str | None = None, k: int = 5) -> keras.Model:
    """`model` behind `preprocessing` and under another head; itself when neither is asked for.

    preprocessing: a Keras layer, such as `Rescaling(1 / 127.5, offset=-1)`, or a list of them; the file and its
      calibration take what goes into the first. head: a key of `HEADS`; None keeps the model's own.

    Raises:
      UserError: no such head, or the model is no classifier with one vector of scores.
    """
    if preprocessing is None and head is None:
        return model
    with in_float32():
        if head is not None:
            model = _under(model, head, k)
        if preprocessing is not None:
            model = _behind(model, preprocessing)
    return model


def _behind(model: keras.Model, steps: Any) -> keras.Model:
    if len(model.inputs) != 1:
        raise UnsupportedModel(f"{model.name} has {len(model.inputs)} inputs: put preprocessing into the model itself.")
    steps = steps if isinstance(steps, (list, tuple)) else [steps]
    if not all(isinstance(step, keras.layers.Layer) for step in steps):
        raise BadArgument(
            "preprocessing must be a Keras layer or a list of them, such as keras.layers.Rescaling(1 / 255)."
        )
    (inner,) = model.inputs
    x = pixels = keras.Input(inner.shape[1:], dtype="float32", name=inner.name)
    for step in steps:
        try:
            x = step(x)
        except Exception as error:  # whatever the layer says of a shape it does not take
            raise UnsupportedModel(
                f"preprocessing layer {step.name!r} does not take it: {first_line(error)}"
            ) from error
    if x.shape[1:] != inner.shape[1:]:
        raise UnsupportedModel(f"preprocessing gives {x.shape[1:]}, and {model.name} takes {inner.shape[1:]}.")
    return keras.Model(pixels, model(x), name=model.name)


def _under(model: keras.Model, head: str, k: int) -> keras.Model:
    if head not in HEADS:
        raise BadArgument(f"there is no head {head!r}: choose from {', '.join(HEADS)}.{nearest(head, HEADS)}")
    if head == "parts":
        return _in_parts(model)
    shape = model.outputs[0].shape
    if len(model.outputs) != 1 or len(shape) != 2:
        raise UnsupportedModel(
            f"head {head!r} is for a classifier with one vector of scores, and {model.name} has another output."
        )
    if head == "logits":
        return _without_softmax(model)
    if shape[-1] == 1:
        raise UnsupportedModel(
            f"head {head!r} chooses among classes, and {model.name} has one score: compare that yourself."
        )
    scores = model.outputs[0]
    if head == "softmax":
        if ends_in_softmax(model):
            return model
        if _is_activation(behind_passing(_last(model)), "sigmoid"):
            raise UnsupportedModel(
                f"{model.name} ends in a sigmoid, several labels at once: leave head='softmax' out, or take 'logits'."
            )
        return keras.Model(model.inputs, keras.layers.Softmax(name="probabilities")(scores), name=model.name)
    if head == "argmax":
        _, best = keras.ops.top_k(scores, 1)  # argmax itself needs bitwise operators in Keras
        return keras.Model(model.inputs, {"class": keras.ops.squeeze(best, -1)}, name=model.name)
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= shape[-1]:
        raise UnsupportedModel(f"the best {k} of {shape[-1]} classes cannot be had.")
    best, which = keras.ops.top_k(scores, k)
    return keras.Model(model.inputs, {"scores": best, "classes": which}, name=model.name)


def _in_parts(model: keras.Model) -> keras.Model:
    graph = read(model)
    parts = joined_parts(graph)
    if not parts:
        raise UnsupportedModel(f"head 'parts' is for a model that ends in one Concatenate, and {model.name} does not.")
    names = [node.origin or node.name for node in parts]
    names = [name if names.count(name) == 1 else f"{name}_{i}" for i, name in enumerate(names)]
    return Graph(graph.inputs, dict(zip(names, parts, strict=True)), graph.name).build()


def joined_parts(graph: Graph) -> list[Node]:
    """What the only output of a graph is concatenated from; empty where it is anything else."""
    outputs = keras.tree.flatten(graph.outputs)
    return (
        list(outputs[0].inputs) if len(outputs) == 1 and outputs[0].is_a(keras.layers.Concatenate, CONCATENATE) else []
    )


def _without_softmax(model: keras.Model) -> keras.Model:
    """The scores before the softmax, or sigmoid; casts, reshapes and identities behind it stay behind them."""
    graph = read(model).rewrite(apart)
    (last,) = keras.tree.flatten(graph.outputs)
    end = behind_passing(last)
    if is_softmax(end) or _is_log_softmax(end) or _is_activation(end, "sigmoid"):
        graph.rewrite(lambda node, uses: node.input if node is end else None)
        return graph.build()
    if _answers_sum_to_one(model):
        raise UnsupportedModel(
            f"{model.name} gives probabilities, but ends in no softmax to take away: leave head='logits' out."
        )
    return model


def ends_in_softmax(model: keras.Model) -> bool:
    """Whether the scores of a model with one output are probabilities already, by its graph or by its answers."""
    return is_softmax(behind_passing(_last(model))) or _answers_sum_to_one(model)


def _last(model: keras.Model) -> Node:
    (last,) = keras.tree.flatten(read(model).rewrite(apart).outputs)
    return last


def _answers_sum_to_one(model: keras.Model, count: int = 4) -> bool:
    """Whether the answers to noise are probabilities, however they were made: by a layer of one's own, as a mean."""
    if any(None in tensor.shape[1:] for tensor in model.inputs):
        return False
    noise = np.random.default_rng(0)
    images = [noise.uniform(0, 2, (count, *tensor.shape[1:])).astype(tensor.dtype) for tensor in model.inputs]
    own = input_structure(model)
    answers = model(keras.tree.pack_sequence_as(own, images), training=False)
    return sum_to_one(np.asarray(keras.ops.convert_to_numpy(keras.tree.flatten(answers)[0]), np.float64))


KINDS = {
    "classifier": "probabilities of classes that exclude each other: a softmax",
    "logits": "scores of such classes before the softmax",
    "multilabel": "independent probabilities: sigmoids",
    "segmentation": "a class for every pixel",
    "classes": "the numbers of classes themselves: an argmax",
    "boxes": "boxes with a class and a score each, compared by their overlap, the surer ones counting more",
    "embedding": "vectors whose direction counts",
    "class_map": "where each class is seen: the map of the class answered",
    "regression": "any other numbers",
}
_PASSING = (keras.layers.Identity, keras.layers.Reshape, keras.layers.Flatten, *RESHAPES, *COPIES)


@dataclass(frozen=True)
class Ending:
    """What an output is.

    Attributes:
      kind: a key of `KINDS`.
      scores: for the numbers of classes, the graph of the scores they are the best of.
      certain: whether the graph or the caller shows it; a dense layer alone may be logits or a regression.
    """

    kind: str
    scores: Graph | None = None
    certain: bool = True


def endings(graph: Graph, stated: Any = None) -> list[Ending]:
    """The `Ending` of every output, by the end of the graph or as stated.

    stated: a key of `KINDS` for all outputs, a list of them, or a dict by the names of the outputs' layers.

    Raises:
      UserError: no such kind, or another number of them than there are outputs.
    """
    copy = graph.copy().rewrite(apart)
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
    if _is_activation(end, "sigmoid"):
        return Ending("multilabel")
    if _is_log_softmax(end) and same_axis:
        return Ending("logits" if len(shape) == 2 else "segmentation")
    while number_affine(end):  # a temperature
        end = behind_passing(end.input)
    if end.is_a(keras.layers.Dense) and len(shape) == 2 and same_axis and shape[-1] and shape[-1] > 1:
        return Ending("logits", certain=False)
    if end.is_a(keras.layers.UnitNormalization, NORMALIZE):
        return Ending("embedding")
    return Ending("regression")


def _is_activation(node: Node, name: str) -> bool:
    return node.is_a(keras.layers.Activation) and activation_of(node) == name


def _is_log_softmax(node: Node) -> bool:
    if node.is_a(*LOG_SOFTMAX):
        return _is_last(getattr(node.call, "axis", -1), node)
    return _is_activation(node, "log_softmax")


def _is_last(axis: Any, node: Node) -> bool:
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    return len(axes) == 1 and axes[0] in (-1, len(node.shape) - 1)


def is_softmax(node: Node) -> bool:
    """Whether this makes probabilities of the last axis."""
    if node.is_a(keras.layers.Softmax):
        return _is_last(node.config.get("axis", -1), node)
    if node.is_a(*SOFTMAX):
        return _is_last(getattr(node.call, "axis", -1), node)
    return _is_activation(node, "softmax")


def behind_passing(node: Node) -> Node:
    """The node behind whatever only casts, reshapes or passes on."""
    while node.inputs and (
        node.is_a(*_PASSING, keras.ops.cast, *DROPOUTS)
        or _is_activation(node, "linear")
        or number_affine(node) == (1.0, 0.0)
    ):
        node = node.input
    return node
