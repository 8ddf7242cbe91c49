"""Features in place of pictures: the outputs of a network's constant part for all samples of a split, in one file."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from keras_cnns.data import cropped
from keras_cnns.data.batches import Data, batched
from keras_cnns.data.sources.source import Source
from keras_cnns.support.atomic_files import written_aside
from keras_cnns.support.errors import UnreadableFile, first_line

FEATURE, LABEL, WEIGHT = "feature", "label", "weight"


def row_type(shape: Iterable[int], dtype: str, label_shape: Iterable[int], label_dtype: Any) -> np.dtype:
    """The NumPy type of a row of a file: feature [*shape], label [*label_shape], weight float32.

    dtype: of the features. NumPy has no bfloat16; its values are kept in float32.
    """
    kept = "float32" if dtype == "bfloat16" else dtype
    return np.dtype([(FEATURE, kept, tuple(shape)), (LABEL, label_dtype, tuple(label_shape)), (WEIGHT, "float32")])


def write(path: Path, rows: Iterable[np.ndarray], kind: np.dtype, count: int) -> None:
    """Writes a file of `count` rows of the type `kind`, which come in several arrays; complete or not at all.

    Raises:
      UnreadableFile: it cannot be written, for example because the disk is full.
    """
    header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": (count,)}
    with written_aside(path) as temporary, open(temporary, "wb") as file:  # not a memory map: that dies on a full disk
        np.lib.format.write_array_header_2_0(file, header)
        for some in rows:
            file.write(some.tobytes())


def read(path: Path) -> np.ndarray:
    """The rows of a file, mapped into memory.

    Raises:
      UnreadableFile: it is not a complete file of features.
    """
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise UnreadableFile(f"{path} is damaged ({first_line(error).rstrip('.')}): remove it.") from error
    if not isinstance(rows, np.ndarray) or rows.dtype.names != (FEATURE, LABEL, WEIGHT) or rows.ndim != 1:
        raise UnreadableFile(f"{path} has no features: remove it.")
    return rows


class FeatureSamples:
    """The rows of a file as the samples of a split, see `batches.Samples`.

    Args:
      rows: see `read`. A small file is copied into memory.
      dtype: of the features, as the network computed them.
    """

    sound = True

    def __init__(self, rows: np.ndarray, dtype: str) -> None:
        self.count, self.dtype, self._rows = len(rows), dtype, rows
        self._columns = None
        if rows.nbytes <= cropped.CACHED_BYTES:
            self._columns = [tf.constant(np.ascontiguousarray(rows[name])) for name in (FEATURE, LABEL, WEIGHT)]

    def plan(self, numbers: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Features need no random numbers."""
        return ()

    def training(self, index: tf.Tensor, number: tf.Tensor, careful: bool) -> tuple:
        """(feature, label, no random numbers) of sample `number`."""
        feature, label, _ = self._row(number)
        return feature, label, tf.zeros([0])

    def evaluation(self, index: tf.Tensor, careful: bool) -> tuple:
        """(feature, target, weight) of sample `index`; the weight is 0 after the last one, and for broken pictures."""
        feature, label, weight = self._row(index % self.count)
        if label.shape.rank:
            label = {"labels": label, "number": index % self.count}
        return feature, label, weight * tf.cast(index < self.count, tf.float32)

    def _row(self, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        if self._columns is not None:
            feature, label, weight = (column[number] for column in self._columns)
        else:
            types = [self._rows.dtype[name] for name in (FEATURE, LABEL, WEIGHT)]
            row = tf.numpy_function(
                lambda n: [np.array(self._rows[n][name]) for name in (FEATURE, LABEL, WEIGHT)],
                [number],
                [tf.as_dtype(kind.base) for kind in types],
            )
            feature, label, weight = (tf.ensure_shape(part, kind.shape) for part, kind in zip(row, types, strict=True))
        return tf.cast(feature, self.dtype), label, weight


def batches(
    data: Data, rows: np.ndarray, dtype: str, *, batch_size: int, training: bool, seed: int = 0, start: int = 0
) -> Data:
    """Batches of features in the order in which `pipeline.load` has those of pictures.

    data: the split that the features were computed from. The other arguments are those of `FeatureSamples` and `load`.
    """
    samples = FeatureSamples(rows, dtype)
    return batched(
        samples,
        data.broken,
        batch_size=batch_size,
        training=training,
        finish=data.finish,
        seed=seed,
        start=start,
    )


def content_digest(source: Source) -> str:
    """A digest of the contents and labels of all samples of a source of labels, in their order."""
    total = hashlib.sha256(str(source.count).encode())

    def sample(number: tf.Tensor) -> tuple[tf.Tensor, Any, tf.Tensor]:
        read = source.read(number)
        return number, read.picture, read.label

    dataset = tf.data.Dataset.range(source.count).map(sample, num_parallel_calls=cropped.WORKERS)
    readable = dataset.ignore_errors()  # a file that cannot be read counts as a broken picture
    for number, picture, label in readable.prefetch(cropped.WORKERS).as_numpy_iterator():
        content = picture if isinstance(picture, bytes) else str(picture.shape).encode() + picture.tobytes()
        total.update(f"\n{number} {label.tolist()} {hashlib.sha256(content).hexdigest()}".encode())
    return total.hexdigest()
