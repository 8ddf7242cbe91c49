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
      where: number (an int) -> the name of that sample, or of the file of its annotations, in messages.
      labels: the labels of all samples, int64 [count], if they are known without reading the samples.
      fingerprint: a function that returns a string. The string changes if the samples, their order or their
        annotations change.
      files: the paths of all pictures, if each picture is a separate file.
      most_boxes: largest number of boxes that are used of one sample.
      remedy: what the message advises if a sample cannot be read; None to treat it as a broken picture.

    >>> files = [Path("a.jpg"), Path("b.jpg")]
    >>> source = Source(("cat", "dog"), 2, lambda n: Sample(files[n].read_bytes(), label=n), lambda n: str(files[n]))
    >>> source.limited(1).count
    1
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
        """The result of `fingerprint`, computed once; "" if there is no such function."""
        return self.fingerprint() if self.fingerprint else ""

    def picture_name(self, number: int) -> str:
        """The name of a sample's picture in messages: its file, if it has one."""
        return self.where(number) if self.files is None else str(self.files[number])

    def limited(self, limit: int | None) -> "Source":
        """This source with `limit` samples, spread evenly over the split; all samples if there are no more than that.

        Raises:
          BadArgument: `limit` is less than 1.
        """
        if limit is None or limit >= self.count:
            return self
        if limit < 1:
            raise BadArgument(f"limit is {limit}: give at least 1 example.")
        chosen = (np.arange(limit) * self.count // limit).tolist()  # a folder's pictures are sorted by class
        return replace(
            self,
            count=limit,
            labels=None if self.labels is None else self.labels[chosen],
            files=None if self.files is None else [self.files[i] for i in chosen],
            read=lambda number: self.read(number * self.count // limit),
            where=lambda number: self.where(number * self.count // limit),
        )
