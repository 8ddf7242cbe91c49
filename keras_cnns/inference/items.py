"""The pictures that a prediction is for, one after the other: files, folders, tar archives and TFRecord files."""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_cnns.data.sources import walk
from keras_cnns.inference.records import is_tfrecord, of_tfrecord
from keras_cnns.inference.tar_files import is_tar, of_tar
from keras_cnns.support.errors import BadArgument, UnreadableFile
from keras_cnns.support.validation import kind, path_of, short

Paths = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class Item:
    """A picture.

    Attributes:
      name: its path, ARCHIVE.tar/MEMBER or FILE.tfrecord#NUMBER.
      data: the path of its file, or the content.
    """

    name: str
    data: Path | bytes

    @property
    def stem(self) -> str:
        """The name, without a suffix, of the files that are drawn of it."""
        return "picture" if self.name == "-" else Path(self.name.replace("#", "_")).stem


@dataclass(frozen=True)
class Shard:
    """One of `count` equal shares of the pictures: every `count`-th, from the `number`-th. Numbers begin at 1."""

    number: int = 1
    count: int = 1

    @classmethod
    def of(cls, text: str) -> "Shard":
        """The shard that "3/16" names.

        Raises:
          BadArgument: it is no such text, or the number is out of range.
        """
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text) if isinstance(text, str) else None
        if not match:
            raise BadArgument(f"the shard is {short(text)}: give its number and their count, such as 3/16.")
        number, count = map(int, match.groups())
        if not 1 <= number <= count:
            raise BadArgument(f"there is no shard {number} of {count}: give a number from 1 to {count}.")
        return cls(number, count)

    def __contains__(self, index: int) -> bool:
        """Whether the picture at `index`, counted from 0, is in the shard."""
        return index % self.count == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def items(paths: Paths, shard: Shard) -> Iterator[Item]:
    """The pictures of a shard, in an order that is the same in each run. No list of them is held.

    Args:
      paths: files, folders, tar archives or TFRecord files; "-" is the standard input.

    Raises:
      UserError: a path cannot be read, or there is no picture at all.
    """
    paths = [paths] if isinstance(paths, (str, Path)) else paths
    if not isinstance(paths, (list, tuple)):
        raise BadArgument(f"pictures must be a list of paths, not {kind(paths)}.")
    if not paths:
        raise BadArgument("there is no picture to predict: give one or more.")
    checked = [path_of(path, "a picture") for path in paths]
    return (item for index, item in enumerate(_items_of(checked)) if index in shard)


def _items_of(paths: list[Path]) -> Iterator[Item]:
    for path in paths:
        if str(path) == "-":
            yield Item("-", sys.stdin.buffer.read())
        elif path.is_dir():
            yield from _not_empty(_of_folder(path), path)
        elif is_tar(path) or is_tfrecord(path):
            yield from _not_empty(_of_archive(path), path)
        else:
            yield Item(str(path), path)


def _of_folder(folder: Path) -> Iterator[Item]:
    """The pictures in a folder and below, and those in the tar archives and TFRecord files there."""
    for path in walk.in_turn(folder):
        if walk.is_picture(path.name):
            yield Item(str(path), path)
        elif is_tar(path) or is_tfrecord(path):
            yield from _of_archive(path)


def _of_archive(path: Path) -> Iterator[Item]:
    return (Item(name, data) for name, data in (of_tar if is_tar(path) else of_tfrecord)(path))


def _not_empty(items: Iterator[Item], path: Path) -> Iterator[Item]:
    """The items. Raises UnreadableFile if there are none."""
    first = next(items, None)
    if first is None:
        raise UnreadableFile(f"there are no pictures in {path}.")
    yield first
    yield from items
