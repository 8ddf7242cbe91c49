"""Where pictures come from: a split whose examples are read by number, so that any order can be resumed anywhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Source:
    """One split of a data set.

    names: the labels' names, by number. count: examples in the split.
    read: number (an int64 scalar tensor) -> (picture, label); the picture is an encoded file (a string scalar) or
      already decoded (uint8 [h, w, channels]), the label an int64 scalar.
    where: number (an int) -> what a message calls that example.
    labels: of all examples, int64 [count], where they are known without reading.
    key: a word that is another one where the examples, their order or their labels are others.
    files: the paths of all examples, where each is a file of its own.
    remedy: what to do where an example cannot be read at all; None where that is a broken file like any other.
    """

    names: tuple
    count: int
    read: Callable
    where: Callable
    labels: np.ndarray | None = None
    key: str = ""
    files: Sequence | None = None
    remedy: str | None = None
