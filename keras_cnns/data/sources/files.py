"""Shared by the sources of files: contents, digests, checks of names and boxes, and a split for folders without one."""

import hashlib
import os
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_cnns.data.sources import splits
from keras_cnns.support import messages
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.untrusted import read_bytes


def contents(path: Path) -> bytes:
    """The bytes of a file. Raises UserError if it cannot be read."""
    try:
        return read_bytes(path)
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read ({error.strerror or error}).") from None


def digest(folder: Path, names: Sequence[str], samples: Iterable[tuple[Path, Any]]) -> str:
    """A digest of the classes, the pictures, their order and their annotations.

    samples: (file of a picture, its annotations, whose `repr` is complete).
    """
    words = hashlib.sha256(repr(tuple(names)).encode("utf-8", "surrogateescape"))
    for path, annotations in samples:
        name = os.path.relpath(path, folder).replace(os.sep, "/")
        words.update(f"\n{name} {annotations!r}".encode("utf-8", "surrogateescape"))
    return words.hexdigest()


def one_picture(paths: Sequence[Path], annotations: Any) -> Path:
    """Checks that only one picture has a name, and returns it.

    Raises:
      UserError: several have it; the message names the file of their `annotations`.
    """
    first, *others = paths
    if others:
        raise UnreadableFile(
            f"{annotations} belongs to one picture, and there are both {first} and {others[0]}: keep one of them."
        )
    return first


def check_names(path: Any, names: Sequence[str]) -> None:
    """Raises UserError if two classes differ in upper and lower case only, except for single letters (A and a)."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        words = zip(re.split(r"[\W_]+", name), re.split(r"[\W_]+", other), strict=False)
        if any(a != b and len(a) > 1 for a, b in words):
            raise UnreadableFile(
                f"{path}: the classes {other!r} and {name!r} differ in case only: give both the same name."
            )


def check_pixels(path: Any, boxes: Iterable[Any]) -> None:
    """Raises UserError if no side of any box (x1, y1, x2, y2) is beyond 1: they are fractions of the picture."""
    sides = [side for box in boxes for side in box]
    if sides and any(0 < side < 1 for side in sides) and all(0 <= side <= 1 for side in sides):
        raise UnreadableFile(
            f"{path}: all boxes lie between 0 and 1, so they are fractions of the picture: multiply them by its width "
            "and height, since this format has them in pixels."
        )


def note_shared(where: Any, split: str, pictures: Iterable[Any], training: Iterable[Any]) -> None:
    """Logs a warning if pictures of a held-out split are also in the training split."""
    shared = sorted(map(str, set(pictures) & set(training)))
    if shared and splits.role(split) != splits.TRAIN:
        messages.once(
            f"{where}: {len(shared)} pictures of the split {split!r} are also in training, such as {shared[0]}: the "
            "score on them says nothing about new pictures."
        )


def split_by_fifths(folder: Path, files: Mapping[Any, Any], split: str) -> dict[Any, Any]:
    """About every fifth picture for test and the others for training.

    A picture's split depends on its name alone, so that adding pictures moves none of the others.

    Raises:
      UserError: no picture is left for the split.
    """
    messages.once(f"{folder} has no split of its own: about every fifth picture is held out, by its name.")
    held_out = {key: zlib.crc32(str(key).encode()) % 5 == 0 for key in files}
    wanted = splits.TRAIN not in splits.asked(split)
    chosen = {key: file for key, file in files.items() if held_out[key] == wanted}
    if not chosen:
        raise UnreadableFile(
            f"{folder} has too few pictures to hold some out ({len(held_out)}): make folders train and test."
        )
    return chosen
