"""The answers of the Keras model itself, which a file's answers are compared with."""

import math

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.graph.keras_internals import calls_of
from keras_cnns.support import progress
from keras_cnns.support.errors import UserError
from keras_cnns.tflite.file.convert import answering, serving_function
from keras_cnns.tflite.inputs.pictures import batched

AT_ONCE, MEMORY = 32, 2**27  # pictures that a model takes in one call, and bytes that a layer's output may have


def float_answers(
    model: keras.Model,
    images: dict[str, np.ndarray],
    *,
    inputs: list[str] | None = None,
    outputs: list[str] | None = None,
) -> dict[str, np.ndarray]:
    """The answers of the Keras model in inference, without XLA: {output name: (N, ...) array}.

    Args:
      model: any functional model.
      images: {input name: (N, ...) array}.
      inputs, outputs: names to use instead of the model's own.

    Raises:
      UserError: the model cannot be called, or the first axis of an output is not that of the pictures.
    """
    count = len(next(iter(images.values())))
    size = model.inputs[0].shape[0] or max(2, min(count, at_once(model)))  # of one it would not show what merges them
    function = serving_function(model, inputs, outputs)
    batches = progress.track(batched(images, size), "running the Keras model", -(-count // size))
    with answering(model):
        parts = [function(**{k: tf.convert_to_tensor(v) for k, v in batch.items()}) for batch in batches]
    for name, array in parts[0].items():
        if array.shape[:1] != (size,):
            shape = f"has the shape {tuple(array.shape)} for {size} pictures"
            raise UserError(f"output {name!r} of {model.name} {shape}: its first axis has to be that of the pictures.")
    return {name: np.concatenate([part[name].numpy() for part in parts])[:count] for name in parts[0]}


def at_once(model: keras.Model) -> int:
    """How many pictures the model may take in one call: fewer where a layer's output is very large for each of them,
    such as a detector's pooling of a thousand boxes."""
    outputs = [x for layer in model.layers for node in calls_of(layer) for x in node.output_tensors]
    largest = max((4 * math.prod(n or 1 for n in x.shape[1:]) for x in outputs), default=1)
    return max(1, min(AT_ONCE, MEMORY // largest))
