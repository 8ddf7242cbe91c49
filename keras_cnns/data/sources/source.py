"""One split of a data set whose samples are read by number, so that any order can be resumed anywhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.data.sources.sample import Sample
from keras_cnns.support.errors import BadArgument


@dataclass(frozen=True)
class Source:
    """One split of a data set.

    Attributes:
      names: the names of the classes, by number; those of a mask include the background.
      count: samples in the split.
      read: number -> `Sample`. A source of labels is traced by TensorFlow: it takes and returns int64 scalar tensors.
        A source of boxes or masks is called with an int.
      where: number (an int) -> what a message calls that sample, or the file of its annotations.
      labels: of all samples, int64 [count], where they are known without reading.
      fingerprint: returns a word that differs where the samples, their order or their annotations differ.
      files: the paths of all pictures, where each is a file of its own.
      most_boxes: the most boxes that are used of one sample.
      remedy: what to do where a sample cannot be read at all; None where that is a broken file like any other.
    """

    names: tuple[str, ...]
    count: int
    read: Callable[[Any], Sample]
    where: Callable[[int], str]
    labels: np.ndarray | None = None
    fingerprint: Callable[[], str] | None = None
    files: Sequence[Path] | None = None
    most_boxes: int = 1
    remedy: str | None = None

    @cached_property
    def key(self) -> str:
        """The `fingerprint`, computed once; "" where there is none."""
        return self.fingerprint() if self.fingerprint else ""

    def picture_name(self, number: int) -> str:
        """What a message calls the picture of a sample: its file, where it has one."""
        return self.where(number) if self.files is None else str(self.files[number])

    def limited(self, limit: int | None) -> "Source":
        """`limit` samples spread evenly over the split; the whole split without a limit or beyond its end."""
        if limit is None or limit >= self.count:
            return self
        if limit < 1:
            raise BadArgument(f"a limit of {limit} examples leaves nothing: give at least 1.")
        chosen = (np.arange(limit) * self.count // limit).tolist()  # a folder's pictures are sorted by class
        return replace(
            self,
            count=limit,
            labels=None if self.labels is None else self.labels[chosen],
            files=None if self.files is None else [self.files[i] for i in chosen],
            read=lambda number: self.read(number * self.count // limit),
            where=lambda number: self.where(number * self.count // limit),
        )
