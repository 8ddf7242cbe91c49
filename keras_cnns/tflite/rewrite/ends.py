"""Adds what stands before and behind a network in its file: preprocessing of pixels, and another head."""

from typing import Any

import keras
import numpy as np

from keras_cnns.graph.graph import Graph, in_float32
from keras_cnns.graph.keras_internals import input_structure
from keras_cnns.graph.kinds import CONCATENATE
from keras_cnns.graph.node import Node
from keras_cnns.graph.reader import read
from keras_cnns.support.errors import BadArgument, UnsupportedModel, first_line, nearest
from keras_cnns.support.probabilities import sum_to_one
from keras_cnns.tflite.rewrite.endings import behind_passing, is_activation, is_log_softmax, is_softmax
from keras_cnns.tflite.rewrite.prepare import decomposed
from keras_cnns.tflite.rewrite.raw_boxes import raw_boxes

HEADS = {
    "softmax": "probabilities",
    "logits": "the input of the softmax, for an app that only needs the order of the classes",
    "argmax": "the number of the class with the highest score",
    "top_k": 'the `k` highest scores and their classes, as the outputs "scores" and "classes"',
    "parts": "the inputs of the last concatenation as separate outputs, each with its own scale in an integer file",
    "raw_boxes": 'the boxes and scores of every position of a one-stage detector, as "location" and "score"',
}
"""What can replace the last operation of a network in its file: {name: description}.

`keras_cnns.tflite.Ends(head=NAME)` sets it.

>>> keras_cnns.tflite.HEADS["argmax"]
'the number of the class with the highest score'
"""


def with_ends(model: keras.Model, preprocessing: Any = None, head: str | None = None, k: int = 5) -> keras.Model:
    """`model` with `preprocessing` before it and another head; `model` itself if neither is set.

    Args:
      model: a functional model.
      preprocessing: a Keras layer, such as `Rescaling(1 / 127.5, offset=-1)`, or a list of them. The file and its
        calibration then take the input of the first one.
      head: a key of `HEADS`; None keeps the model's own.
      k: how many classes the head "top_k" returns.

    Raises:
      UserError: there is no such head, or the model is not a classifier with one vector of scores.
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
                f"preprocessing layer {step.name!r} cannot be applied to the input: {first_line(error)}"
            ) from error
    if x.shape[1:] != inner.shape[1:]:
        raise UnsupportedModel(
            f"preprocessing returns {x.shape[1:]}, and {model.name} takes {inner.shape[1:]}: change one of them."
        )
    return keras.Model(pixels, model(x), name=model.name)


def _under(model: keras.Model, head: str, k: int) -> keras.Model:
    if head not in HEADS:
        raise BadArgument(f"there is no head {head!r}: choose from {', '.join(HEADS)}.{nearest(head, HEADS)}")
    if head == "parts":
        return _in_parts(model)
    if head == "raw_boxes":
        return raw_boxes(model)
    shape = model.outputs[0].shape
    if len(model.outputs) != 1 or len(shape) != 2:
        raise UnsupportedModel(
            f"head {head!r} is for a classifier with one vector of scores, and {model.name} has another output."
        )
    if head == "logits":
        return _without_softmax(model)
    if shape[-1] == 1:
        raise UnsupportedModel(
            f"head {head!r} chooses among classes, and {model.name} has one score: compare it with a threshold in "
            "your code."
        )
    if head == "softmax":
        return _with_softmax(model)
    scores = model.outputs[0]
    if head == "argmax":
        _, best = keras.ops.top_k(scores, 1)  # argmax itself needs bitwise operators in Keras
        return keras.Model(model.inputs, {"class": keras.ops.squeeze(best, -1)}, name=model.name)
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= shape[-1]:
        raise UnsupportedModel(
            f"k is {k}, and {model.name} has {shape[-1]} classes: give a number from 1 to {shape[-1]}."
        )
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
    """The parts that a concatenation joins to the graph's only output; empty if the graph ends otherwise."""
    outputs = keras.tree.flatten(graph.outputs)
    return (
        list(outputs[0].inputs) if len(outputs) == 1 and outputs[0].is_a(keras.layers.Concatenate, CONCATENATE) else []
    )


def ends_in_softmax(model: keras.Model) -> bool:
    """Whether a model with one output gives probabilities, by its graph or by its answers."""
    return is_softmax(_end(read(model).rewrite(decomposed))) or _answers_sum_to_one(model)


def _without_softmax(model: keras.Model) -> keras.Model:
    """The scores before the softmax, or sigmoid; casts, reshapes and identities behind it stay behind them."""
    graph = read(model).rewrite(decomposed)
    end = _end(graph)
    if is_softmax(end) or is_log_softmax(end) or is_activation(end, "sigmoid"):
        return graph.rewrite(lambda node, uses: node.input if node is end else None).build()
    if _answers_sum_to_one(model):
        raise UnsupportedModel(
            f"{model.name} gives probabilities, but does not end in a softmax to remove: leave head='logits' out."
        )
    return model


def _with_softmax(model: keras.Model) -> keras.Model:
    end = _end(read(model).rewrite(decomposed))
    if is_softmax(end) or _answers_sum_to_one(model):
        return model
    if is_activation(end, "sigmoid"):
        raise UnsupportedModel(
            f"{model.name} ends in a sigmoid, several labels at once: leave head='softmax' out, or take 'logits'."
        )
    scores = keras.layers.Softmax(name="probabilities")(model.outputs[0])
    return keras.Model(model.inputs, scores, name=model.name)


def _end(graph: Graph) -> Node:
    """The node that computes the only output, before whatever only passes it on."""
    (last,) = keras.tree.flatten(graph.outputs)
    return behind_passing(last)


def _answers_sum_to_one(model: keras.Model, count: int = 4) -> bool:
    """Whether the answers to noise are probabilities, however they were made: by a layer of one's own, as a mean."""
    if any(None in tensor.shape[1:] for tensor in model.inputs):
        return False
    noise = np.random.default_rng(0)
    images = [noise.uniform(0, 2, (count, *tensor.shape[1:])).astype(tensor.dtype) for tensor in model.inputs]
    own = input_structure(model)
    answers = model(keras.tree.pack_sequence_as(own, images), training=False)
    return sum_to_one(np.asarray(keras.ops.convert_to_numpy(keras.tree.flatten(answers)[0]), np.float64))
