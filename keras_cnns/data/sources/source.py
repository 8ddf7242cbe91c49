"""Where pictures come from: a split whose examples are read by number, so that any order can be resumed anywhere."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One split of a data set.

    names: the labels' names, by number. count: examples in the split.
    read: number (an int64 scalar tensor) -> (picture, label); the picture is an encoded file (a string scalar) or
      already decoded (uint8 [h, w, channels]), the label an int64 scalar.
    where: number (an int) -> what a message calls that example.
    """

    names: tuple
    count: int
    read: Callable
    where: Callable
