"""The source of a quantization-aware model: the model that it was made from, and a comparison of the two."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.graph.keras_internals import input_structure, producer
from keras_cnns.graph.reader import is_reduced
from keras_cnns.support.errors import UnsupportedModel, UserError
from keras_cnns.tflite.aware.fake_quant import unrounded
from keras_cnns.tflite.file.convert import answering, input_names
from keras_cnns.tflite.inputs.pictures import noise, noise_of_shapes
from keras_cnns.tflite.inputs.structures import Inputs

SAME, SAME_REDUCED = 1e-3, 0.05  # largest difference, relative to the largest value; the source in float16 or bfloat16
COUNT = 4  # inputs to compare on
SIZES = 32, 64, 128, 224, 299  # tried for open sides where there are no pictures


class Source:
    """Holds a model as an attribute of another one, without becoming a layer of it and without being saved with it."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model


def source_of(aware: Any) -> keras.Model | None:
    """The model that `quantization_aware` converted; None if it is not known, as after saving and loading."""
    held = getattr(aware, "keras_cnns_source", None)
    return held.model if isinstance(held, Source) else held


def compare(
    source: keras.Model,
    positions: Sequence[int],
    answer: Callable[[list[np.ndarray]], list[np.ndarray]],
    batch: Sequence[np.ndarray] | None = None,
) -> None:
    """Refuses a quantization-aware model that, without rounding, answers differently from its source.

    Args:
      source: the model that was converted.
      positions: of the source's outputs that were kept.
      answer: returns the answers of the quantization-aware model to a list of arrays, as a list of arrays.
      batch: pictures, a list of arrays in the order of the inputs; noise by default.

    Raises:
      UserError: the answers differ, or the pictures do not have the type of the inputs.
    """
    inputs = Inputs(source, input_names(source))
    arrays = _noise(source, inputs) if batch is None else [array[:COUNT] for array in batch]
    for array, tensor, name in zip(arrays, inputs.tensors, inputs.names, strict=True):
        if "float" not in tensor.dtype and not np.array_equal(np.asarray(array).astype(tensor.dtype), array):
            raise UserError(f"the pictures have values that do not fit input {name!r} of type {tensor.dtype}.")
    expected, actual = answers(source, arrays), answer(arrays)
    limit = SAME_REDUCED if is_reduced(source) else SAME
    for position, array in zip(positions, actual, strict=True):
        wanted, name = expected[position], producer(source.outputs[position]).name
        if wanted.shape != array.shape or _difference(wanted, array) > limit:
            raise UserError(
                f"the quantization-aware form of {source.name} answers differently (output {name!r}): one of "
                "its layers is not what its class says. Quantize after training instead: export(model, scheme='int8')."
            )


def _noise(source: keras.Model, inputs: Inputs) -> list[np.ndarray]:
    """Inputs to compare on, in the order of the model's inputs; open sides get the first of `SIZES` that it takes."""
    open_inputs = [name for name, tensor in zip(inputs.names, inputs.tensors, strict=True) if None in tensor.shape[1:]]
    if not open_inputs:
        return list(noise(inputs, COUNT).values())
    for size in SIZES:
        shapes = [tuple(size if side is None else side for side in tensor.shape[1:]) for tensor in inputs.tensors]
        arrays = noise_of_shapes(inputs, shapes, COUNT)
        try:
            answers(source, list(arrays.values()))
        except UserError:
            continue
        return list(arrays.values())
    raise UnsupportedModel(
        f"input {open_inputs[0]!r} of {source.name} has an open shape, and the model takes no size of "
        f"{', '.join(map(str, SIZES))}: give quantization_aware its pictures=, of a size that the model takes."
    )


def answers(model: keras.Model, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The answers of a model in inference to arrays in the order of its inputs, as a list of float64 arrays."""
    structure = input_structure(model)
    tensors = [tf.cast(x, tensor.dtype) for x, tensor in zip(arrays, model.inputs, strict=True)]
    with answering(model):
        results = keras.tree.flatten(model(keras.tree.pack_sequence_as(structure, tensors), training=False))
    return [keras.ops.convert_to_numpy(keras.ops.cast(a, "float64")) for a in results]


def answers_unrounded(aware: keras.Model, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The same for a quantization-aware model, without rounding."""
    with unrounded(aware):
        return answers(aware, arrays)


def _difference(expected: np.ndarray, actual: np.ndarray) -> float:
    """Largest difference relative to the largest value, where both are finite; infinite where only one is."""
    finite = np.isfinite(expected)
    if not np.array_equal(finite, np.isfinite(actual)):
        return np.inf
    if not finite.any():
        return 0.0
    return np.abs(expected - actual)[finite].max() / (np.abs(expected[finite]).max() or 1.0)
