"""Sets the ranges of a quantization-aware model from pictures: the extremes over all of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.graph.keras_internals import input_structure
from keras_cnns.support.errors import UserError
from keras_cnns.tflite.aware.fake_quant import FakeQuant, extremes
from keras_cnns.tflite.file.convert import input_names
from keras_cnns.tflite.inputs import pictures as picture_inputs
from keras_cnns.tflite.inputs.structures import Inputs

MOST = 50_000  # pictures of a generator, which may be endless; of what says how many there are, all


def calibrate(model: keras.Model, pictures: Any, *, batch_size: int = 32) -> list[np.ndarray]:
    """Sets the ranges of a quantization-aware model from `pictures`, in inference; nothing else changes.

    pictures: as `quantization_aware` takes them.
    Returns: the first batch, as a list of arrays in the order of the inputs.

    Raises:
      UserError: there are no pictures or no end of them, they do not fit the inputs, or they are not finite.
    """
    tracked = [n for n in model.layers if isinstance(n, FakeQuant) and n.fixed is None]
    first, measured = _measured(model, tracked, batches(pictures, model, batch_size))
    if first is None:
        raise UserError("there are no pictures to set the ranges: give a few dozen, as the model takes them.")
    for layer, (low, high) in zip(tracked, measured, strict=True):
        layer.low.assign(low)
        layer.high.assign(high)
        layer.seen.assign(1.0)
    return first


def _measured(
    model: keras.Model, tracked: Sequence[FakeQuant], parts: Iterable[list[np.ndarray]]
) -> tuple[list[np.ndarray] | None, Any]:
    """The first batch, and (smallest, largest) of what each of the layers takes while none of them rounds."""
    activations = keras.Model(input_structure(model), [layer.input for layer in tracked])
    measure = tf.function(
        lambda inputs: [
            tf.stack(extremes(layer.counted(x)))
            for layer, x in zip(tracked, activations(inputs, training=False), strict=True)
        ],
        reduce_retracing=True,
    )
    before, first, widest = [float(layer.seen) for layer in tracked], None, None
    try:
        for layer in tracked:
            layer.seen.assign(0.0)
        for batch in parts:
            first = batch if first is None else first
            inputs = keras.tree.pack_sequence_as(input_structure(model), list(map(tf.convert_to_tensor, batch)))
            batch_ranges = np.reshape([np.asarray(pair) for pair in measure(inputs)], (-1, 2))
            widest = batch_ranges if widest is None else _widened(widest, batch_ranges)
    finally:
        for layer, seen in zip(tracked, before, strict=True):
            layer.seen.assign(seen)
    return first, widest


def _widened(first: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.stack([np.minimum(first[:, 0], other[:, 0]), np.maximum(first[:, 1], other[:, 1])], axis=1)


def batches(pictures: Any, model: keras.Model, size: int = 32) -> Iterator[list[np.ndarray]]:
    """`pictures` in batches, as lists of arrays in the order of the model's inputs.

    Raises:
      UserError: as in `calibrate`.
    """
    inputs, waiting, count = Inputs(model, input_names(model)), [], 0
    first = inputs.names[0]
    try:
        for batch in picture_inputs.batches(pictures, inputs, "pictures"):
            waiting.append(batch)
            count += len(batch[first])
            if count > MOST and not hasattr(pictures, "__len__"):
                raise UserError(
                    f"there are more than {MOST:,}, and their number is not known: give fewer, or a finite data set."
                )
            if sum(len(part[first]) for part in waiting) >= size:
                yield from _cut(waiting, inputs, size)
                waiting = []
        if waiting:
            yield from _cut(waiting, inputs, size)
    except UserError as error:
        raise UserError(f"the pictures do not fit {model.name}: {error}") from error


def _cut(parts: Sequence[Mapping[str, np.ndarray]], inputs: Inputs, size: int) -> Iterator[list[np.ndarray]]:
    try:
        joined = {name: np.concatenate([part[name] for part in parts]) for name in inputs.names}
    except ValueError as error:
        raise UserError(f"the batches have different shapes ({error}).") from None
    joined = picture_inputs.checked(joined, inputs, "pictures")
    for start in range(0, len(joined[inputs.names[0]]), size):
        yield [joined[name][start : start + size] for name in inputs.names]
