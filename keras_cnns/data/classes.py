"""The classes of a data set: whether a model was trained on the same ones, and how many pictures each has."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_cnns.data.sources.source import Source
from keras_cnns.support.errors import BadArgument
from keras_cnns.support.messages import listed

MOST = 0.95  # a class with more than this fraction of the pictures causes a warning


def check(file: Any, labels: Iterable, dataset: Any, names: Iterable) -> None:
    """Checks that the model in `file` was trained on the classes of `dataset`, in the same order.

    ImageNet's synsets (n02123045) and its words (tabby) are not compared.

    labels: the classes of the model; empty if unknown. names: those of the data set.

    Raises:
      UserError: they differ; the message says how.
    """
    labels, names = current(labels), current(names)
    if labels and labels != names and _synsets(labels) == _synsets(names):
        raise BadArgument(
            f"{file} was trained on other classes than {dataset} has: {difference(labels, names)}; give the data it "
            "was trained on."
        )


def current(names: Iterable) -> list[str]:
    """Names of classes as this version spells them: the background of a mask was called "ground" in 0.1.0."""
    return ["background" if number == 0 and str(name) == "ground" else str(name) for number, name in enumerate(names)]


def difference(there: Sequence[str], here: Sequence[str]) -> str:
    """How two lists of classes differ, in words. there: the list of the model or run. here: that of the data."""
    gone, new = [n for n in there if n not in here], [n for n in here if n not in there]
    if not gone and not new:
        return f"the same in another order, {listed(there)} and {listed(here)}"
    parts = [f"{listed(gone)} only there"] * bool(gone) + [f"{listed(new)} only here"] * bool(new)
    return f"{len(there)} there and {len(here)} here, {', '.join(parts)}"


def unbalanced(source: Source) -> str | None:
    """A warning if (nearly) all samples are of one class, or None. It needs a source whose labels are known."""
    if len(source.names) == 1:
        return f"there is only one class, {source.names[0]}: every answer will be correct, and nothing is learned."
    if source.labels is None:
        return None
    counts = count(source)
    most = int(np.argmax(counts))
    if counts[most] <= MOST * counts.sum():
        return None
    return (
        f"{counts[most]} of {counts.sum()} training pictures are of one class, {source.names[most]}: a network that "
        "always answers it is nearly always correct. Look at the recall of each class, or train with balanced "
        "class_weights."
    )


def count(source: Source) -> np.ndarray:
    """The number of samples of each class, int64 [classes]; labels outside of the classes are ignored.

    All samples are read if the labels are not known.
    """
    labels = source.labels
    if labels is not None and labels.ndim == 2:
        return labels.sum(0).astype(np.int64)
    if labels is None:
        every = tf.data.Dataset.range(source.count).map(lambda number: source.read(number).label, num_parallel_calls=8)
        labels = np.array(list(every.ignore_errors().as_numpy_iterator()), np.int64)
    known = (labels >= 0) & (labels < len(source.names))
    return np.bincount(labels[known], minlength=len(source.names))


def balanced(counts: Any) -> np.ndarray:
    """Weights that make all classes count equally, float32 [classes]: samples / (classes * samples of the class).

    Their mean over the samples is 1, as in scikit-learn's "balanced". A class without samples has weight 0.
    """
    counts = np.asarray(counts, np.float64)
    there = counts > 0
    weights = counts.sum() / (there.sum() * np.where(there, counts, 1))
    return np.where(there, weights, 0).astype(np.float32)


def _synsets(names: Iterable[str]) -> bool:
    return all(re.fullmatch(r"n\d{8}", name) for name in names)
