"""The classes of a data set: whether they are those a model was trained on, and how many pictures each has."""

import re
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from keras_cnns.support.errors import UserError

MOST = 0.95  # a class with more than this share of the pictures is nearly all there is


def check(file, labels, dataset, names):
    """Raises where the model in `file` was trained on other classes than `dataset` has, or in another order.

    ImageNet's numbers (n02123045) and its words (tabby) are not compared.

    labels: those of the file; nothing where it says none. names: those of the data set.

    Raises:
      UserError: naming what differs.
    """
    labels, names = current(labels), current(names)
    if labels and labels != names and _synsets(labels) == _synsets(names):
        raise UserError(f"{file} was trained on other classes than {dataset} has: {difference(labels, names)}.")


def current(names: Iterable) -> list[str]:
    """Names of classes as this version spells them: the background of a mask was called "ground" in 0.1.0."""
    return ["background" if number == 0 and str(name) == "ground" else str(name) for number, name in enumerate(names)]


def difference(there, here):
    """What tells two lists of classes apart, in words."""
    gone, new = [n for n in there if n not in here], [n for n in here if n not in there]
    if not gone and not new:
        return f"the same in another order, {_some(there)} and {_some(here)}"
    parts = [f"{_some(gone)} only there"] * bool(gone) + [f"{_some(new)} only here"] * bool(new)
    return f"{len(there)} there and {len(here)} here, {', '.join(parts)}"


def unbalanced(source):
    """A sentence on a data set that is all or nearly all of one class, or None; only where labels are known."""
    if len(source.names) == 1:
        return f"there is one class only, {source.names[0]}: every answer will be right, and nothing learned."
    if source.labels is None:
        return None
    counts = count(source)
    most = int(np.argmax(counts))
    if counts[most] <= MOST * counts.sum():
        return None
    return (
        f"{counts[most]} of {counts.sum()} training pictures are of one class, {source.names[most]}: a network that "
        "always answers it is nearly always right. Look at every class's recall, or train with class_weights balanced."
    )


def count(source):
    """How many examples of each class a source has, int64 [classes]; labels outside of them are left out.

    Where labels are not known, all examples are read.
    """
    labels = source.labels
    if labels is None:
        every = tf.data.Dataset.range(source.count).map(lambda number: source.read(number).label, num_parallel_calls=8)
        labels = np.array(list(every.ignore_errors().as_numpy_iterator()), np.int64)
    known = (labels >= 0) & (labels < len(source.names))
    return np.bincount(labels[known], minlength=len(source.names))


def balanced(counts):
    """A weight for each class with which all of them weigh alike, float32 [classes]: examples / (classes * its own).

    Over the examples its mean is 1, as with scikit-learn's "balanced". A class without examples has none.
    """
    counts = np.asarray(counts, np.float64)
    there = counts > 0
    weights = counts.sum() / (there.sum() * np.where(there, counts, 1))
    return np.where(there, weights, 0).astype(np.float32)


def _synsets(names):
    return all(re.fullmatch(r"n\d{8}", name) for name in names)


def _some(names):
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
