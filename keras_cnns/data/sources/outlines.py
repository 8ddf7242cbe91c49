"""Masks from the outlines of objects: polygons and COCO's run lengths (RLE), painted one over the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_cnns.support import messages
from keras_cnns.support.errors import UnreadableFile

REACH = 1  # how far a polygon may reach over the border, in sides of the picture (its pixels are walked along)
LONGEST = 4_000_000  # pixels around the polygons of an object; pycocotools takes 40 bytes for each


@dataclass(frozen=True, eq=False)
class Outline:
    """The outline of an object.

    Attributes:
      label: its value in the mask.
      shape: a list of polygons, each [x1, y1, x2, y2 ...] in pixels, or COCO's run lengths (RLE).
    """

    label: int
    shape: Any


@dataclass(frozen=True, eq=False)
class Outlines:
    """The mask of all objects of a picture on a background of 0; later objects cover earlier ones.

    fractions: whether the points of polygons are fractions of the picture's sides.
    """

    objects: Sequence[Outline]
    fractions: bool = False

    def labels(self, size: tuple[int, int], where: str) -> np.ndarray:
        """The class of each pixel, uint8 [H, W]. Raises UserError if an outline does not fit the picture."""
        mask = np.zeros(size, np.uint8)
        for item in self.objects:
            shape = item.shape
            if isinstance(shape, dict):
                inside = decode_rle(shape, size, where)
            else:
                inside = fill(self._in_pixels(shape, size), size, where)
            if (mask[inside] & (mask[inside] != item.label)).any():
                messages.once(f"{where}: objects of different classes overlap; later ones in the file lie on top.")
            mask[inside] = item.label
        return mask

    def _in_pixels(self, polygons: Sequence[Sequence[float]], size: tuple[int, int]) -> Sequence:
        if not self.fractions:
            return polygons
        height, width = size
        return [(np.reshape(polygon, (-1, 2)) * [width, height]).ravel() for polygon in polygons]


def fill(polygons: Sequence[Sequence[float]], size: tuple[int, int], where: str) -> np.ndarray:
    """The pixels inside of any of the polygons, bool [H, W], as pycocotools counts them.

    Raises:
      UserError: a polygon has fewer than three points, a value that is not finite, or a point that is more than REACH
        sides of the picture outside of it; or the polygons are longer than LONGEST.
    """
    from pycocotools import mask as coco_mask

    height, width = size
    checked, length = [], 0.0
    for polygon in polygons:
        points = _points(polygon, where)
        if (np.abs(points - [width / 2, height / 2]) > np.multiply([width, height], REACH + 0.5)).any():
            raise UnreadableFile(
                f"{where}: a polygon lies far outside of the picture of {width} x {height}: correct it."
            )
        length += np.abs(np.diff(points, axis=0, append=points[:1])).max(axis=1).sum()
        if length > LONGEST:
            raise UnreadableFile(f"{where}: the polygons of an object are {length:.3g} pixels long: correct them.")
        checked.append(points.ravel().tolist())
    if not checked:
        return np.zeros(size, bool)
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(checked, height, width))).astype(bool)


def _points(polygon: Sequence[float], where: str) -> np.ndarray:
    try:
        values = np.asarray(polygon, np.float64)
    except (TypeError, ValueError, OverflowError):
        values = np.array([np.nan])
    if values.ndim != 1 or len(values) % 2 or len(values) < 6 or not np.isfinite(values).all():
        raise UnreadableFile(
            f"{where}: a polygon needs the x and y of at least three points, and has {len(values)} values."
        )
    return values.reshape(-1, 2)


def decode_rle(rle: dict, size: tuple[int, int], where: str) -> np.ndarray:
    """The pixels of COCO's run lengths, {"size": [height, width], "counts": list or text}, bool [H, W].

    The runs go down the columns and are of 0 and 1 in turn, beginning with 0. They are checked before memory is filled.

    Raises:
      UserError: the stated size is not that of the picture, or the runs do not add up to it.
    """
    counts, stated = rle.get("counts"), rle.get("size")
    if list(stated) != list(size) if isinstance(stated, list | tuple) else True:
        raise UnreadableFile(f"{where}: run lengths (RLE) have the size {stated}, and the picture {list(size)}.")
    runs = _expanded(counts) if isinstance(counts, str | bytes) else counts
    valid = isinstance(runs, list) and all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in runs)
    if not isinstance(runs, list) or not valid or sum(runs) != size[0] * size[1]:
        raise UnreadableFile(
            f"{where}: run lengths (RLE) do not fill the picture of {size[1]} x {size[0]}: export it again."
        )
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(size[1], size[0]).T


def _expanded(text: str | bytes) -> list[int] | None:
    """The run lengths of COCO's compressed form, or None where it is damaged.

    Each number is written in groups of 5 bits, the lowest first. A group is a character, counted from "0"; bit 5 says
    that another group follows. The fourth number and all later ones are differences to the number two places before.
    """
    data = text.encode("latin-1", "replace") if isinstance(text, str) else text
    runs: list[int] = []
    value = shift = 0
    for letter in data:
        group = letter - 48
        if not 0 <= group < 64 or shift > 60:
            return None
        value |= (group & 31) << shift
        shift += 5
        if group & 32:
            continue
        if group & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return None if shift else runs
