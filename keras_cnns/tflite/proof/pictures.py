"""Pictures for calibration and verification: gathered from what a caller has, and checked before anything is run."""

import numpy as np

from keras_cnns.errors import UserError

CALIBRATION_PICTURES = 200  # ranges settle long before; a thousand only cost time


def gather(data, model, names, what, *, limit=None):
    """`{input name: float array (N, H, W, C)}` from arrays or from an iterable of batches.

    data: an array (for several inputs a list in their order, or a dict by name), or an iterable (a generator, a
      `tf.data.Dataset`) of such batches; a batch that is a tuple gives its first entry, as `(pictures, labels)`.
    limit: an iterable, which may be endless, is read no further than this many pictures.

    Raises:
      UserError: nothing there, a wrong shape, values that are not finite, or that never change.
    """
    whole = _as_arrays(data, names)
    if whole is None:
        ranks = {name: len(tensor.shape) for name, tensor in zip(names, model.inputs, strict=True)}
        whole = _read(data, names, what, ranks, limit)
    for name, tensor in zip(names, model.inputs, strict=True):
        whole[name] = _checked(whole[name], tensor, name, what)
    counts = {len(array) for array in whole.values()}
    if len(counts) > 1:
        raise UserError(f"{what}: the inputs have different numbers of entries ({sorted(counts)}).")
    return whole


def thin(whole, limit=CALIBRATION_PICTURES):
    """At most `limit` pictures, taken evenly: pictures often lie sorted by class."""
    count = len(next(iter(whole.values())))
    keep = np.unique(np.linspace(0, count - 1, min(count, limit)).round().astype(int))
    return {name: array[keep] for name, array in whole.items()}


def _as_arrays(data, names):
    """The dict of arrays when `data` is already that; None when it must be iterated."""
    if isinstance(data, dict):
        if set(data) != set(names):
            raise UserError(f"inputs are named {', '.join(names)}, not {', '.join(map(str, data))}.")
        return {name: np.asarray(data[name]) for name in names}
    if hasattr(data, "__array__"):
        return {names[0]: np.asarray(data)} if len(names) == 1 else None
    if isinstance(data, (list, tuple)) and len(names) > 1 and len(data) == len(names):
        return dict(zip(names, map(np.asarray, data), strict=True))
    return None


def _read(data, names, what, ranks, limit):
    try:
        batches = iter(data)
    except TypeError:
        raise UserError(f"{what}: {type(data).__name__} is neither an array nor an iterable of batches.") from None
    parts, count = {name: [] for name in names}, 0
    for batch in batches:
        if isinstance(batch, tuple) and len(names) == 1:
            batch = batch[0]
        arrays = _as_arrays(batch, names)
        if arrays is None:
            raise UserError(f"{what}: a batch is {type(batch).__name__}, not an array of pictures.")
        for name, array in arrays.items():
            parts[name].append(array if array.ndim == ranks[name] else array[None])  # single pictures are welcome
        count += len(parts[names[0]][-1])
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
    if array.shape[1:] != expected:
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
    noise = np.random.default_rng(0)
    pixels = any(type(layer).__name__ in ("Rescaling", "Normalization") for layer in model.layers[:3])
    low, high = (0, 255) if pixels else (-1, 1)
    return {
        name: noise.uniform(low, high, (count, *tensor.shape[1:])).astype(tensor.dtype)
        for name, tensor in zip(names, model.inputs, strict=True)
    }


def check_labels(labels, count, classes):
    """Integer class numbers as an array of length `count`.

    Raises:
      UserError: another length, not integers, or a number that is no class.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise UserError(
            f"labels must be one integer class number for each picture, not {labels.dtype} of shape {labels.shape}."
        )
    if len(labels) != count:
        raise UserError(f"there are {len(labels)} labels for {count} pictures.")
    if len(labels) and (labels.min() < 0 or labels.max() >= classes):
        raise UserError(f"labels go from {labels.min()} to {labels.max()}, but the model has {classes} classes.")
    return labels
