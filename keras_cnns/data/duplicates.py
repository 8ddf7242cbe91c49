"""Duplicates and near duplicates among pictures, such as training pictures among the held-out ones."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_cnns.data import pictures as decoder
from keras_cnns.data.augment import crops
from keras_cnns.data.augment.colour import LUMA
from keras_cnns.data.cropped import WORKERS
from keras_cnns.data.sources.source import Source
from keras_cnns.support.errors import UserError
from keras_cnns.support.untrusted import read_bytes

SIDE = 16
MOST = 20_000  # largest number of pictures in both splits for which near duplicates are searched: some ten seconds


@dataclass(frozen=True)
class Duplicates:
    """The held-out pictures that are also training pictures.

    Attributes:
      copies: number of identical files.
      near: number of further near duplicates; None if there were too many pictures to compare.
      pairs: (training file, held-out file) of all of them, identical files first.
    """

    copies: int
    near: int | None
    pairs: tuple[tuple[str, str], ...]

    def sentence(self, held_out: int) -> str:
        """A warning; "" if there are no duplicates. held_out: the number of held-out pictures."""
        if not self.pairs:
            return ""
        near = f", {self.near} nearly" if self.near else ""
        first, second = self.pairs[0]
        return (
            f"{len(self.pairs)} of {held_out} held-out pictures are training pictures too ({self.copies} the same file"
            f"{near}), such as {second} and {first}: the measured scores are too good for new pictures."
        )


def between(training: Source, held_out: Source) -> Duplicates | None:
    """The pictures that two sources have in common; None if their pictures are not files.

    Identical files are found by their bytes, among any number of pictures; near duplicates (`near_duplicates`) if both
    splits together have at most MOST.
    """
    if training.files is None or held_out.files is None:
        return None
    same = _copies(training.files, held_out.files)
    near = {}
    few = training.count + held_out.count <= MOST
    if few:
        first, second = _small(training), _small(held_out)
        near = {second[0][j]: first[0][i] for i, j, _ in near_duplicates(first[1], second[1], most=None)}
        near = {j: i for j, i in near.items() if j not in same}
    pairs = [(str(training.files[i]), str(held_out.files[j])) for j, i in (same | near).items()]
    return Duplicates(len(same), len(near) if few else None, tuple(pairs))


def _copies(training: Sequence[Path], held_out: Sequence[Path]) -> dict[int, int]:
    """{index of a held-out file: index of a training file with the same bytes}; reads only files of equal sizes."""
    sizes: dict[int | None, list[int]] = {}
    for i, file in enumerate(training):
        sizes.setdefault(_size(file), []).append(i)
    sizes.pop(None, None)
    known: dict[int, bytes | None] = {}
    copies: dict[int, int] = {}
    for j, file in enumerate(held_out):
        alike = sizes.get(_size(file), ())
        for i in alike:
            if i not in known:
                known[i] = _digest(training[i])
        own = _digest(file) if alike else None
        match = next((i for i in alike if own and known[i] == own), None)
        if match is not None:
            copies[j] = match
    return copies


def _size(file: Path) -> int | None:
    """The size of a file in bytes; None if it cannot be read: training reports that when it reads the file."""
    try:
        return os.path.getsize(file)
    except OSError:
        return None


def _digest(file: Path) -> bytes | None:
    try:
        return hashlib.blake2b(read_bytes(file)).digest()
    except (OSError, UserError):
        return None


def _small(source: Source) -> tuple[np.ndarray, np.ndarray]:
    """(indices, pictures uint8 [n, 2 SIDE, 2 SIDE, 1]) of the pictures that can be decoded."""
    size = (2 * SIDE, 2 * SIDE)
    paths = tf.constant([bytes(file) for file in source.files or ()])

    def one(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pixels = decoder.picture(tf.io.read_file(paths[number]), size, 1, crops.whole)
        return number, tf.cast(tf.round(pixels), tf.uint8)

    dataset = tf.data.Dataset.range(source.count).map(one, num_parallel_calls=WORKERS).ignore_errors()
    batches = list(dataset.batch(256).as_numpy_iterator())
    if not batches:
        return np.zeros(0, int), np.zeros((0, *size, 1), np.uint8)
    indices, small = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return indices, small


def near_duplicates(
    first: np.ndarray, second: np.ndarray, *, alike: float = 0.995, most: int | None = 50
) -> list[tuple[int, int, float]]:
    """Pairs of pictures whose grey values, averaged to 16 x 16, have a correlation of at least `alike`.

    Args:
      first, second: pictures [n, h, w, c]. Each of `second` is in at most one pair. Uniform pictures are ignored.
      alike: smallest correlation.
      most: largest number of pairs; None for all.

    Returns:
      (index in first, index in second, correlation) of each pair, highest correlation first.
    """
    a, b = _signature(first), _signature(second)
    pairs: list[tuple[int, int, float]] = []
    if not len(a):
        return pairs
    for start in range(0, len(b), 1024):
        likeness = b[start : start + 1024] @ a.T
        best = likeness.argmax(1)
        for row, column in enumerate(best):
            if likeness[row, column] >= alike:
                pairs.append((int(column), start + row, float(min(likeness[row, column], 1))))
    return sorted(pairs, key=lambda pair: -pair[2])[:most]


def _signature(pictures: np.ndarray) -> np.ndarray:
    """[n, 256], mean 0 and length 1; zeros for a uniform picture."""
    pictures = np.asarray(pictures)
    n, height, width, channels = pictures.shape
    rows, columns = (np.linspace(0, size, SIDE + 1).astype(int) for size in (height, width))
    weights = np.array(LUMA if channels == 3 else [1 / channels] * channels, "float32")
    small = np.empty((n, SIDE, SIDE), "float32")
    for start in range(0, n, 512):
        grey = pictures[start : start + 512].astype("float32") @ weights
        for i in range(SIDE):
            strip = grey[:, rows[i] : max(rows[i] + 1, rows[i + 1])].mean(1)
            for j in range(SIDE):
                small[start : start + 512, i, j] = strip[:, columns[j] : max(columns[j] + 1, columns[j + 1])].mean(1)
    flat = small.reshape(n, -1)
    flat -= flat.mean(1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.where(length > 1e-3, flat / np.maximum(length, 1e-3), 0)
