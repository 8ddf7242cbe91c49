"""What goes before and behind a network when it becomes a file: the camera's pixels in, scores or the answer out."""

import keras

from keras_cnns.errors import UserError, first_line, nearest
from keras_cnns.tflite.graph.kinds import activation_of
from keras_cnns.tflite.graph.prepare import apart
from keras_cnns.tflite.graph.reader import read

HEADS = {
    "softmax": "probabilities, inside the file",
    "logits": "what stands before the softmax, for an app that needs the order only",
    "argmax": "the number of the best class",
    "top_k": 'the `k` best: "scores" and "classes"',
}


def with_ends(model, preprocessing=None, head=None, k=5):
    """`model` behind `preprocessing` and under another head; itself when neither is asked for.

    preprocessing: a Keras layer, such as `Rescaling(1 / 127.5, offset=-1)`, or a list of them; the file and its
      calibration take what goes into the first. head: a key of `HEADS`; None keeps the model's own.

    Raises:
      UserError: no such head, or the model is no classifier with one vector of scores.
    """
    if preprocessing is None and head is None:
        return model
    if head is not None:
        model = _under(model, head, k)
    if preprocessing is not None:
        model = _behind(model, preprocessing)
    return model


def _behind(model, steps):
    if len(model.inputs) != 1:
        raise UserError(f"{model.name} has {len(model.inputs)} inputs: put preprocessing into the model itself.")
    steps = steps if isinstance(steps, (list, tuple)) else [steps]
    if not all(isinstance(step, keras.layers.Layer) for step in steps):
        raise UserError(
            "preprocessing must be a Keras layer or a list of them, such as keras.layers.Rescaling(1 / 255)."
        )
    (inner,) = model.inputs
    x = pixels = keras.Input(inner.shape[1:], dtype="float32", name=inner.name)
    for step in steps:
        try:
            x = step(x)
        except Exception as error:  # whatever the layer says of a shape it does not take
            raise UserError(f"preprocessing layer {step.name!r} does not take it: {first_line(error)}") from error
    if x.shape[1:] != inner.shape[1:]:
        raise UserError(f"preprocessing gives {x.shape[1:]}, and {model.name} takes {inner.shape[1:]}.")
    return keras.Model(pixels, model(x), name=model.name)


def _under(model, head, k):
    if head not in HEADS:
        raise UserError(f"there is no head {head!r}: choose from {', '.join(HEADS)}.{nearest(head, HEADS)}")
    shape = model.outputs[0].shape
    if len(model.outputs) != 1 or len(shape) != 2:
        raise UserError(
            f"head {head!r} is for a classifier with one vector of scores, and {model.name} has another output."
        )
    if head == "logits":
        return _without_softmax(model)
    scores = model.outputs[0]
    if head == "softmax":
        if ends_in_softmax(model):
            return model
        return keras.Model(model.inputs, keras.layers.Softmax(name="probabilities")(scores), name=model.name)
    if head == "argmax":
        _, best = keras.ops.top_k(scores, 1)  # argmax itself needs bitwise operators in Keras
        return keras.Model(model.inputs, {"class": keras.ops.squeeze(best, -1)}, name=model.name)
    if not 1 <= k <= shape[-1]:
        raise UserError(f"the best {k} of {shape[-1]} classes cannot be had.")
    best, which = keras.ops.top_k(scores, k)
    return keras.Model(model.inputs, {"scores": best, "classes": which}, name=model.name)


def _without_softmax(model):
    graph = read(model).rewrite(apart)
    last = _softmax(graph)
    if last is None:
        return model
    graph.outputs = keras.tree.map_structure(lambda node: node.input, graph.outputs)
    return graph.build()


def ends_in_softmax(model):
    """Whether the scores of a model with one output are probabilities already."""
    return _softmax(read(model).rewrite(apart)) is not None


def _softmax(graph):
    """The node of the softmax that ends the graph, if one does."""
    (node,) = keras.tree.flatten(graph.outputs)
    ends = node.is_a(keras.layers.Softmax) or node.is_a(keras.layers.Activation) and activation_of(node) == "softmax"
    return node if ends else None
