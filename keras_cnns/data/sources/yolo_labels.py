"""YOLO's label files: a line for each object of a picture, in fractions of its width and height."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_cnns.support import messages
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.untrusted import read_text

BEYOND = 0.01  # how far rounding may move a value outside of 0 .. 1; Ultralytics allows the same


@dataclass(frozen=True)
class LabelledObject:
    """An object. number: of its class. box: (x1, y1, x2, y2) as fractions. polygon: points as fractions, or None."""

    number: int
    box: tuple[float, float, float, float]
    polygon: tuple[float, ...] | None = None


def read_labels(path: Path, names: Sequence[str], keypoints: int = 0) -> tuple[LabelledObject, ...]:
    """The objects of a label file; an empty or missing file has none. Repeated lines count once.

    A line is `class x y width height` (the centre and the size of a box) or `class x1 y1 x2 y2 x3 y3 ...` (a polygon).

    Args:
      keypoints: how many numbers follow the box in files for poses; they are not read.

    Raises:
      UserError: a line has another number of values, an unknown class, or values outside of 0 to 1.
    """
    if not path.is_file():
        return ()
    try:
        lines = [line.split() for line in read_text(path).splitlines() if line.strip()]
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read ({error.strerror or error}).") from None
    items = [_object(line, f"{path}: the line {' '.join(line)[:60]!r}", names, keypoints) for line in lines]
    distinct = tuple(dict.fromkeys(items))
    if len(distinct) < len(items):
        messages.once(f"{path} has {len(items) - len(distinct)} repeated lines: each counts once.")
    return distinct


def _object(line: Sequence[str], where: str, names: Sequence[str], keypoints: int) -> LabelledObject:
    try:
        number, values = float(line[0]), [float(word) for word in line[1:]]
    except ValueError:
        raise UnreadableFile(f"{where} has a value that is not a number: correct it.") from None
    if not (0 <= number < len(names) and number == round(number)):  # so infinity is not rounded
        raise UnreadableFile(f"{where} has the class {line[0]}, and the classes are 0 to {len(names) - 1}.")
    if keypoints and len(values) == 4 + keypoints:
        values = values[:4]
    if len(values) != 4 and (len(values) < 6 or len(values) % 2):
        raise UnreadableFile(
            f"{where} has {len(values)} numbers after the class: a box has 4 (x, y, width, height), a polygon at "
            "least 6, two for each point."
        )
    if not all(-BEYOND <= value <= 1 + BEYOND for value in values):
        raise UnreadableFile(
            f"{where} has values outside of 0 to 1: boxes and polygons are fractions of the picture's width and height."
        )
    if len(values) == 4:
        x, y, width, height = values
        if width < 0 or height < 0:
            raise UnreadableFile(f"{where} has a negative width or height: correct it or remove it.")
        return LabelledObject(int(number), (x - width / 2, y - height / 2, x + width / 2, y + height / 2))
    points = np.clip(np.reshape(values, (-1, 2)), 0, 1)
    box = (*points.min(0).tolist(), *points.max(0).tolist())
    return LabelledObject(int(number), box, tuple(points.ravel().tolist()))
