"""Pictures for calibration and verification: gathered from what a caller has, and checked before anything is run."""

from typing import NamedTuple

import keras
import numpy as np

from keras_cnns.errors import UserError

CALIBRATION_PICTURES = 200  # ranges settle long before; a thousand only cost time


def gather(data, model, names, what, *, limit=None):
    """`{input name: float array (N, H, W, C)}` from whatever `fit` and `predict` take.

    data: an array (for several inputs a list in their order, or a dict by name), or an iterable of such batches or of
      single pictures: a generator, a `tf.data.Dataset`, a `keras.utils.PyDataset`, a list, or a function that gives
      one, as TFLite's `representative_dataset` is. Labels and weights beside the pictures are left aside.
    limit: an iterable, which may be endless, is read no further than this many pictures.

    Raises:
      UserError: nothing there, a wrong shape, values that are not finite, or that never change.
    """
    inputs = [_Input(name, *pair) for name, pair in zip(names, _by_key(model), strict=True)]
    whole = _as_arrays(data, inputs, whole=True)
    if whole is None:
        whole = _read(data, inputs, what, limit)
    for each in inputs:
        whole[each.name] = _checked(whole[each.name], each.tensor, each.name, what)
    counts = {len(array) for array in whole.values()}
    if len(counts) > 1:
        raise UserError(f"{what}: the inputs have different numbers of entries ({sorted(counts)}).")
    return whole


class _Input(NamedTuple):
    """An input by its name in the file, by what the model calls it, and its tensor."""

    name: str
    keys: tuple
    tensor: object

    def fits(self, array):
        """Whether this is a batch of it, or one entry: with its rank, or one less."""
        array, shape = np.asarray(array), tuple(self.tensor.shape)
        if array.ndim not in (len(shape), len(shape) - 1):
            return False
        own = array.shape[1:] if array.ndim == len(shape) else array.shape
        return all(n in (None, m) for n, m in zip(shape[1:], own, strict=True))


def _by_key(model):
    """What the model itself calls each input, and its tensor."""
    structure = getattr(model, "_functional", model)._inputs_struct
    paths = keras.tree.flatten_with_path(structure)
    for (path, _), tensor in zip(paths, model.inputs, strict=True):
        yield (tensor.name, *(path[-1:] if isinstance(structure, dict) else ())), tensor


def thin(whole, limit=CALIBRATION_PICTURES):
    """At most `limit` pictures, taken evenly: pictures often lie sorted by class."""
    count = len(next(iter(whole.values())))
    keep = np.unique(np.linspace(0, count - 1, min(count, limit)).round().astype(int))
    return {name: array[keep] for name, array in whole.items()}


def _as_arrays(data, inputs, whole=False):
    """The dict of arrays when `data` is already that; None when it must be iterated, or is no such thing.

    whole: the data are all there is, and so a list of as many arrays as pictures is a list of pictures.
    """
    if isinstance(data, dict):
        found = {one.name: next((data[k] for k in (one.name, *one.keys) if k in data), None) for one in inputs}
        if any(value is None for value in found.values()):
            if len(inputs) == 1 and len(data) == 1:
                return {inputs[0].name: np.asarray(next(iter(data.values())))}
            names = ", ".join(one.name for one in inputs)
            raise UserError(f"inputs are named {names}, not {', '.join(map(str, data))}.")
        return {name: np.asarray(value) for name, value in found.items()}
    if hasattr(data, "__array__"):
        return {inputs[0].name: np.asarray(data)} if len(inputs) == 1 else None
    if not isinstance(data, (list, tuple)) or not data:
        return None
    nested = [isinstance(one, (dict, list, tuple)) and not _is_numbers(one) for one in data]
    if nested[0] and len(data) in (1, 2, 3) and (isinstance(data, tuple) or not any(nested[1:])):
        return _as_arrays(data[0], inputs)  # (inputs, labels) or (inputs, labels, weights)
    if any(nested):
        return None  # a list of batches
    if len(inputs) > 1 and len(data) == len(inputs):
        return {one.name: np.asarray(array) for one, array in zip(inputs, data, strict=True)}
    if len(inputs) > 1 or not hasattr(data[0], "__array__") or len(data) > 3:
        return None
    single = np.asarray(data[0]).ndim < len(inputs[0].tensor.shape)
    beside = [not inputs[0].fits(other) for other in data[1:]]
    if inputs[0].fits(data[0]) and all(beside) and (not whole or not single or beside):
        return {inputs[0].name: np.asarray(data[0])}
    return None


def _is_numbers(value):
    """Whether a list is one entry written out in numbers."""
    try:
        return not isinstance(value, dict) and np.asarray(value).dtype != object and not _holds_arrays(value)
    except ValueError:
        return False


def _holds_arrays(value):
    return any(hasattr(part, "__array__") for part in value)


def _batches(data, what):
    if callable(data) and not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        data = data()
    if isinstance(data, keras.utils.PyDataset):
        return (data[i] for i in range(len(data)))
    try:
        return iter(data)
    except TypeError:
        raise UserError(f"{what}: {type(data).__name__} is neither an array nor an iterable of batches.") from None


def _read(data, inputs, what, limit):
    parts, count = {one.name: [] for one in inputs}, 0
    for batch in _batches(data, what):
        arrays = _as_arrays(batch, inputs)
        if arrays is None:
            raise UserError(f"{what}: a batch is {type(batch).__name__}, not an array of pictures.")
        for one in inputs:
            array = arrays[one.name]
            whole = array.ndim == len(one.tensor.shape)
            parts[one.name].append(array if whole else array[None])  # single pictures are welcome
        count += len(parts[inputs[0].name][-1])
        if limit and count >= limit:
            break
    if not count:
        raise UserError(f"{what} is empty: give some pictures as the model takes them.")
    try:
        return {name: np.concatenate(arrays) for name, arrays in parts.items()}
    except ValueError as error:
        raise UserError(f"{what}: the batches have different shapes ({error}).") from None


def _checked(array, tensor, name, what):
    expected = tuple(tensor.shape[1:])
    if array.dtype == object or not np.issubdtype(array.dtype, np.number):
        raise UserError(f"{what}: the pictures are {array.dtype}, not numbers.")
    sides = zip(expected, array.shape[1:], strict=False)
    if array.ndim != len(expected) + 1 or any(n not in (None, m) for n, m in sides):
        raise UserError(
            f"{what} has shape {array.shape}, but input {name!r} takes (N, {', '.join(map(str, expected))}): "
            "give pictures exactly as the model takes them."
        )
    if not len(array):
        raise UserError(f"{what} is empty: give some pictures as the model takes them.")
    array = array.astype(tensor.dtype, copy=False)
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all():
            raise UserError(f"{what} holds NaN or infinite values: look at what makes the pictures.")
        if array.size > 1 and np.ptp(array) == 0:
            raise UserError(f"{what}: every value is {array.flat[0]:g}, which is no picture.")
    return array


def compare_ranges(calibration, images):
    """A sentence for each input whose calibration spans far more or far less than the pictures it will meet."""
    found = []
    for name, array in calibration.items():
        ours, theirs = (f"{values.min():.4g} to {values.max():.4g}" for values in (array, images[name]))
        wide = float(np.ptp(array)) / (float(np.ptp(images[name])) or 1.0)
        if not 0.5 <= wide <= 2.0:
            found.append(f"calibration goes from {ours}, the images from {theirs}: are both scaled alike?")
    return tuple(found)


def batched(pictures, batch):
    """The pictures in batches of one size; the last one is filled up with the last picture."""
    count = len(next(iter(pictures.values())))
    for start in range(0, count, batch):
        index = np.minimum(np.arange(start, start + batch), count - 1)
        yield {name: array[index] for name, array in pictures.items()}


def made_up(model, names, count=16):
    """Noise where a caller gives no pictures: from 0 to 255 before a Rescaling or Normalization, else from -1 to 1."""
    for name, tensor in zip(names, model.inputs, strict=True):
        if None in tensor.shape[1:]:
            raise UserError(
                f"input {name!r} of {model.name} has the open shape {tuple(tensor.shape[1:])}: give images or "
                "calibration of the size that the file is to take, or build the model with a fixed input_shape."
            )
    noise = np.random.default_rng(0)
    scaling = (keras.layers.Rescaling, keras.layers.Normalization)
    pixels = any(type(layer) in scaling for layer in model.layers[:3])
    low, high = (0, 255) if pixels else (-1, 1)
    return {
        name: noise.uniform(low, high, (count, *tensor.shape[1:])).astype(tensor.dtype)
        for name, tensor in zip(names, model.inputs, strict=True)
    }


def check_labels(labels, original, kind, scores=None):
    """Labels as an array: (N,) class numbers, (N, labels) of zeros and ones, or (N, H, W) classes of pixels.

    original: (N, ...) answers of the kind `kind` (`ends.KINDS`). scores: (N, ..., classes) behind whole numbers.

    Raises:
      UserError: another length or shape, not integers, a number that is no class, or an output that has no classes.
    """
    labels = np.asarray(labels)
    classes = (original if scores is None else scores).shape[-1]
    if kind in ("embedding", "regression") or (kind == "classes" and scores is None):
        raise UserError(f"labels are for a classifier, and this output is taken for {kind}: leave them out.")
    shape = original.shape if kind == "multilabel" else (original if scores is None else scores).shape[:-1]
    if kind != "multilabel" and labels.ndim == len(shape) + 1 and labels.shape[-1] in (1, classes):
        labels = labels[..., 0] if labels.shape[-1] == 1 else labels.argmax(-1)  # a column, or one of many
    if labels.ndim != len(shape) or (kind != "multilabel" and not np.issubdtype(labels.dtype, np.integer)):
        raise UserError(
            f"labels must be one integer class number for each picture, not {labels.dtype} of shape {labels.shape}."
        )
    if len(labels) != len(original):
        raise UserError(f"there are {len(labels)} labels for {len(original)} pictures.")
    if labels.shape != shape:
        raise UserError(f"labels have the shape {labels.shape}, where the answers ask for {shape}.")
    if kind != "multilabel" and len(labels) and (labels.min() < 0 or labels.max() >= classes):
        raise UserError(f"labels go from {labels.min()} to {labels.max()}, but the model has {classes} classes.")
    return labels
