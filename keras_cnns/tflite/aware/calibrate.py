"""The ranges of a quantization-aware model from pictures: the extremes over all of them, in whatever order."""

from itertools import islice
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.errors import UserError
from keras_cnns.tflite.aware.fake_quant import FakeQuant, extremes
from keras_cnns.tflite.file.convert import input_names
from keras_cnns.tflite.proof.pictures import gather

TOGETHER = 8  # items of an iterable that are checked at once


def calibrate(model, pictures, *, batch_size=32):
    """Sets the ranges of a quantization-aware model by `pictures`, as inference meets them; nothing else changes.

    pictures: as `quantization_aware` takes them.
    Returns: the first batch, as a list of arrays in the order of the inputs.

    Raises:
      UserError: they do not fit the model's inputs, are none at all, not all numbers, or without end.
    """
    tracked = [n for n in model.layers if isinstance(n, FakeQuant) and n.fixed is None]
    first, found = _measured(model, tracked, batches(pictures, model, batch_size))
    if first is None:
        raise UserError("the pictures that set the ranges are none: give some dozens as the model takes them")
    for layer, (low, high) in zip(tracked, found, strict=True):
        layer.low.assign(low)
        layer.high.assign(high)
        layer.seen.assign(1.0)
    return first


def _measured(model, tracked, given):
    """The first batch, and (smallest, largest) of what each of the layers takes while none of them rounds."""
    taken = keras.Model(model._inputs_struct, [layer.input for layer in tracked])
    measure = tf.function(
        lambda inputs: [tf.stack(extremes(x)) for x in taken(inputs, training=False)], reduce_retracing=True
    )
    before, first, found = [float(layer.seen) for layer in tracked], None, None
    try:
        for layer in tracked:
            layer.seen.assign(0.0)
        for batch in given:
            first = batch if first is None else first
            inputs = keras.tree.pack_sequence_as(model._inputs_struct, list(map(tf.convert_to_tensor, batch)))
            here = np.reshape([np.asarray(pair) for pair in measure(inputs)], (-1, 2))
            found = here if found is None else _widened(found, here)
    finally:
        for layer, seen in zip(tracked, before, strict=True):
            layer.seen.assign(seen)
    return first, found


def _widened(one, other):
    return np.stack([np.minimum(one[:, 0], other[:, 0]), np.maximum(one[:, 1], other[:, 1])], axis=1)


def batches(pictures, model, size=32):
    """`pictures` a few at a time, as lists of arrays in the order of the model's inputs.

    Raises:
      UserError: as in `calibrate`.
    """
    names = input_names(model)
    for some in _parts(pictures, model, names):
        try:
            whole = gather(some, model, names, "pictures")
        except UserError as error:
            raise UserError(f"the pictures do not fit {model.name}: {error}") from error
        count = len(whole[names[0]])
        for start in range(0, count, size):
            yield [whole[name][start : start + size] for name in names]


def _parts(pictures, model, names):
    """What there is in parts that `gather` takes and that fit into memory one by one."""
    if isinstance(pictures, (str, Path)):
        yield from _of_data_set(str(pictures), model)
        return
    if isinstance(pictures, keras.utils.PyDataset):
        pictures = map(pictures.__getitem__, range(pictures.num_batches or len(pictures)))
    elif isinstance(pictures, tf.data.Dataset):
        if pictures.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise UserError("the pictures that set the ranges never end: give so many batches, dataset.take(100)")
        pictures = pictures.as_numpy_iterator()
    several = isinstance(pictures, (list, tuple)) and len(pictures) == len(names) > 1
    if several or isinstance(pictures, dict) or hasattr(pictures, "__array__") or not hasattr(pictures, "__iter__"):
        yield pictures
        return
    items = iter(pictures)
    while some := list(islice(items, TOGETHER)):
        yield some


def _of_data_set(name, model):
    """The pictures of a data set's training split, batch by batch, sized as the model takes them."""
    from keras_cnns.data.pipeline import load

    shape = tuple(model.inputs[0].shape[1:])
    if len(model.inputs) != 1 or len(shape) != 3 or None in shape:
        raise UserError(f"{model.name} takes no single picture of a fixed size: give arrays, or a tf.data.Dataset")
    name = f"folder:{name}" if Path(name).is_dir() else name
    data = load(name, size=shape[:2], channels=shape[2], batch_size=256, split="train", training=False)
    for images, _, weights in data.batches.as_numpy_iterator():
        yield images[weights > 0]  # the last batch is filled up
