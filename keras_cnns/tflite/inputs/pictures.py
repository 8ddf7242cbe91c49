"""Pictures for calibration and comparison, collected from whatever a caller has and checked before anything runs."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.support.errors import BadArgument, UnsupportedModel, UserError, first_line
from keras_cnns.tflite.inputs.structures import Inputs

EMPTY = 1000  # batches without a picture: there will be none
CALIBRATION_PICTURES = 200  # ranges settle long before; a thousand only cost time


def collect(data: Any, inputs: Inputs, what: str, *, limit: int | None = None) -> dict[str, np.ndarray]:
    """`{input name: (N, ...) array}` from whatever `fit` and `predict` take.

    Args:
      data: an array (for several inputs a list in their order, a dict by name, or the model's own nesting), or an
        iterable of such batches or of single entries: a generator, a `tf.data.Dataset`, a `keras.utils.PyDataset`, a
        list, or a function that returns one, like TFLite's `representative_dataset`. Labels and weights beside the
        pictures are ignored. A string is a data set: "folder:PATH", "digits", or a name of tensorflow-datasets.
      inputs: of the model.
      what: the name of the argument, for messages.
      limit: read no more pictures than this, for iterables without an end.

    Raises:
      UserError: there are no pictures or no end, or they have a wrong shape, values that are not finite or do not fit
        the input's type, or one value throughout.
    """
    parts: dict[str, list[np.ndarray]] = {name: [] for name in inputs.names}
    count = empty = 0
    for batch in batches(data, inputs, what, endless=limit is not None):
        for name in inputs.names:
            parts[name].append(batch[name])
        size = len(batch[inputs.names[0]])
        count += size
        empty = 0 if size else empty + 1
        if empty >= EMPTY:
            raise BadArgument(f"{what}: {EMPTY} batches in a row are empty.")
        if limit and count >= limit:
            break
    if not count:
        raise BadArgument(f"{what} is empty: give some pictures as the model takes them.")
    try:
        arrays_by_name = {name: _joined(arrays) for name, arrays in parts.items()}
    except ValueError as error:
        raise BadArgument(f"{what}: the batches have different shapes ({error}).") from None
    return checked(arrays_by_name, inputs, what)


def batches(data: Any, inputs: Inputs, what: str, *, endless: bool = False) -> Iterator[dict[str, np.ndarray]]:
    """Yields the pictures of `collect` batch by batch, unchecked. endless: the data may have no end."""
    if isinstance(data, (str, Path)):
        data = _of_data_set(str(data), inputs, what)
    if not endless and _without_end(data):
        raise BadArgument(f"{what} has no end: limit it, such as dataset.take(100).")
    try:
        yield from inputs.parts(data, what)
    except UserError:
        raise
    except tf.errors.OpError as error:
        raise BadArgument(f"{what}: the data set fails: {first_line(error.message)}") from error
    except MemoryError:
        raise
    except Exception as error:  # of whoever wrote the generator; the traceback has it as its cause
        raise BadArgument(f"{what}: reading them fails: {type(error).__name__}: {first_line(error)}") from error


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _without_end(data: Any) -> bool:
    if isinstance(data, tf.data.Dataset):
        return bool(data.cardinality() == tf.data.INFINITE_CARDINALITY)
    return isinstance(data, keras.utils.PyDataset) and data.num_batches is None


def _of_data_set(name: str, inputs: Inputs, what: str) -> Iterator[np.ndarray]:
    """The pictures of a data set's training split, or to compare on its test split, sized as the model takes them."""
    from keras_cnns.data.pipeline import load

    shape = tuple(inputs.tensors[0].shape[1:])
    if len(inputs.tensors) != 1 or len(shape) != 3 or None in shape:
        raise BadArgument(
            f"{inputs.model_name} does not take single pictures of a fixed size: give arrays or a Dataset."
        )
    name = f"folder:{name}" if Path(name).is_dir() else name
    split = "test" if what == "images" else "train"
    data = load(name, size=shape[:2], channels=shape[2], batch_size=256, split=split, training=False)
    for images, _, weights in data.batches.as_numpy_iterator():
        yield images[weights > 0]  # the last batch is filled up


def checked(arrays: Mapping[str, np.ndarray], inputs: Inputs, what: str) -> dict[str, np.ndarray]:
    """The arrays in the types of the inputs.

    Raises:
      UserError: as in `collect`.
    """
    pairs = zip(inputs.names, inputs.tensors, strict=True)
    arrays = {name: _checked(arrays[name], tensor, name, what) for name, tensor in pairs}
    counts = {len(array) for array in arrays.values()}
    if len(counts) > 1:
        raise BadArgument(f"{what}: the inputs have different numbers of entries ({sorted(counts)}).")
    if all(array.size > 1 and array.min() == array.max() for array in arrays.values()):
        raise BadArgument(f"{what}: every value is {next(iter(arrays.values())).flat[0]:g}: give real pictures.")
    return arrays


def thin(arrays: Mapping[str, np.ndarray], limit: int = CALIBRATION_PICTURES) -> dict[str, np.ndarray]:
    """At most `limit` pictures at even distances, because pictures are often sorted by class."""
    count = len(next(iter(arrays.values())))
    keep = np.unique(np.linspace(0, count - 1, min(count, limit)).round().astype(int))
    return {name: array[keep] for name, array in arrays.items()}


def _checked(array: np.ndarray, tensor: keras.KerasTensor, name: str, what: str) -> np.ndarray:
    expected = tuple(tensor.shape[1:])
    if array.dtype == object or not (np.issubdtype(array.dtype, np.number) or array.dtype == bool):
        raise BadArgument(f"{what}: the pictures are {array.dtype}, not numbers.")
    sides = zip(expected, array.shape[1:], strict=False)
    if array.ndim != len(expected) + 1 or any(n not in (None, m) for n, m in sides):
        raise BadArgument(
            f"{what} has shape {array.shape}, but input {name!r} takes (N, {', '.join(map(str, expected))}): "
            "give pictures exactly as the model takes them."
        )
    if not len(array):
        raise BadArgument(f"{what} is empty: give some pictures as the model takes them.")
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        first = int(np.argmin(np.isfinite(array).reshape(len(array), -1).all(1)))
        raise BadArgument(f"{what} holds NaN or infinite values, first in entry {first}: check where it comes from.")
    wanted = array.astype(tensor.dtype, copy=False)
    if "float" not in tensor.dtype and not np.array_equal(wanted, array):
        raise UnsupportedModel(
            f"{what} holds {array.dtype} values that input {name!r}, which takes {tensor.dtype}, cannot hold."
        )
    return wanted


def compare_ranges(calibration: Mapping[str, np.ndarray], images: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """A warning for each input whose calibration spans less than half or more than twice the range of `images`."""
    warnings = []
    for name, array in calibration.items():
        if array.dtype == bool:
            continue
        ours, theirs = (f"{values.min():.4g} to {values.max():.4g}" for values in (array, images[name]))
        wide = float(np.ptp(array)) / (float(np.ptp(images[name])) or 1.0)
        if not 0.5 <= wide <= 2.0:
            warnings.append(f"calibration goes from {ours}, the images from {theirs}: are both scaled alike?")
    return tuple(warnings)


def batched(pictures: Mapping[str, np.ndarray], batch: int) -> Iterator[dict[str, np.ndarray]]:
    """The pictures in batches of one size; copies of the last picture fill up the last batch."""
    count = len(next(iter(pictures.values())))
    for start in range(0, count, batch):
        index = np.minimum(np.arange(start, start + batch), count - 1)
        yield {name: array[index] for name, array in pictures.items()}


def noise(inputs: Inputs, count: int = 16) -> dict[str, np.ndarray]:
    """Noise in place of pictures: from 0 to 255 before a Rescaling or Normalization, else from -1 to 1.

    Raises:
      UserError: an input takes text, or its size is open.
    """
    for name, tensor in zip(inputs.names, inputs.tensors, strict=True):
        if tensor.dtype == "string":
            raise BadArgument(f"input {name!r} of {inputs.model_name} takes text: a .tflite file takes numbers.")
        if None in tensor.shape[1:]:
            raise BadArgument(
                f"input {name!r} of {inputs.model_name} has the open shape {tuple(tensor.shape[1:])}: give images or "
                "calibration of the size that the file is to take, or build the model with a fixed input_shape."
            )
    return noise_of_shapes(inputs, [tensor.shape[1:] for tensor in inputs.tensors], count)


def noise_of_shapes(inputs: Inputs, shapes: Sequence[tuple[int, ...]], count: int) -> dict[str, np.ndarray]:
    """`noise` for inputs of these shapes, without the batch."""
    rng = np.random.default_rng(0)
    low, high = (0, 255) if inputs.take_pixels else (-1, 1)
    return {
        name: rng.uniform(low, high, (count, *shape)).astype(tensor.dtype)
        for name, shape, tensor in zip(inputs.names, shapes, inputs.tensors, strict=True)
    }


def label_array(labels: Any) -> np.ndarray:
    """Labels as an array of numbers. Whole numbers become integers, even if they come as floats or bools.

    Raises:
      UserError: the labels are not numbers, are not finite, or have different lengths.
    """
    try:
        labels = np.asarray(labels)
    except Exception as error:  # rows of different lengths, or whatever a library's container says
        raise BadArgument(f"labels cannot be made an array: {first_line(error)}") from error
    if labels.dtype.kind not in "biuf":
        raise BadArgument(f"labels must be numbers of classes, not {labels.dtype} of shape {labels.shape}.")
    if not np.isfinite(labels).all():
        raise BadArgument("labels hold NaN or infinite values: correct them.")
    if labels.dtype.kind == "b" or labels.dtype.kind == "f" and labels.size and (labels == np.round(labels)).all():
        return labels.astype(int)
    return labels


def check_labels(labels: Any, original: np.ndarray, kind: str, scores: np.ndarray | None = None) -> np.ndarray:
    """Labels as an array: (N,) class numbers, (N, labels) of zeros and ones, or (N, H, W) classes of pixels.

    Args:
      labels: as a caller passes them.
      original: (N, ...) answers of the model.
      kind: of these answers, a key of `endings.KINDS`.
      scores: (N, ..., classes), the scores if the answers are class numbers.

    Raises:
      UserError: the number or the shape does not fit, the labels are not class numbers, or the output has no classes.
    """
    labels = label_array(labels)
    classes = (original if scores is None else scores).shape[-1]
    if kind in ("embedding", "regression") or (kind == "classes" and scores is None):
        raise BadArgument(f"labels are for a classifier, and this output is compared as {kind}: leave them out.")
    shape = original.shape if kind == "multilabel" else (original if scores is None else scores).shape[:-1]
    if kind == "multilabel" and labels.ndim == len(shape) - 1 and shape[-1] == 1:
        labels = labels[..., None]  # one label, in one number
    if kind != "multilabel" and labels.ndim == len(shape) + 1 and labels.shape[-1] in (1, classes):
        labels = labels[..., 0] if labels.shape[-1] == 1 else labels.argmax(-1)  # a column, or one of many
    if labels.ndim != len(shape) or (kind != "multilabel" and not np.issubdtype(labels.dtype, np.integer)):
        raise BadArgument(
            f"labels must be one integer class number for each picture, not {labels.dtype} of shape {labels.shape}."
        )
    if len(labels) != len(original):
        raise BadArgument(f"there are {len(labels)} labels for {len(original)} pictures: give one for each.")
    if labels.shape != shape:
        raise BadArgument(f"labels have the shape {labels.shape}, and must have the shape {shape}.")
    if kind == "multilabel" and len(labels) and not 0 <= labels.min() <= labels.max() <= 1:
        raise BadArgument(
            f"labels of several classes at once must be 0 or 1, and these go from {labels.min()} to {labels.max()}."
        )
    if kind != "multilabel" and len(labels) and (labels.min() < 0 or labels.max() >= classes):
        raise BadArgument(f"labels go from {labels.min()} to {labels.max()}, but the model has {classes} classes.")
    return labels
