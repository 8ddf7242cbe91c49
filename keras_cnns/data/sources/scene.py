"""A picture with what is known of its places: boxes, classes, a mask; and a split of such pictures, read by number."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from keras_cnns.support import messages
from keras_cnns.support.errors import UserError

VOID = 255  # in a mask: a pixel that no class can claim
GROUND = "ground"  # the name of class 0 of a mask


@dataclass(frozen=True)
class Scene:
    """image: uint8 [H, W, 3]. boxes: float32 [n, 4], x1, y1, x2, y2 in pixels, x2 and y2 not included. classes: int64
    [n]. mask: uint8 [H, W], 0 for the ground and VOID where nobody knows, or None. ignored: bool [n]: boxes that need
    not be found and are not trained on (VOC's "difficult", COCO's crowds). crowd: bool [n]: regions of many objects.
    """

    image: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray
    mask: np.ndarray | None = None
    ignored: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    crowd: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))


@dataclass(frozen=True)
class Located:
    """One split. names: of the boxes' classes, or of a mask's, the ground among them. most: boxes in a picture, at
    most. read: number (an int), (height, width) of the network -> a `Scene`, of that size if it can be drawn so."""

    names: tuple
    count: int
    most: int
    read: Callable


def checked(boxes, size, where):
    """float32 [n, 4] inside the picture, and bool [n]: which of them are boxes at all.

    What reaches over the border is cut there. Boxes without an area, or beside the picture, are none, and a line says
    so once for each data set.

    Args:
      boxes: [n, 4], x1, y1, x2, y2 in pixels. size: (height, width). where: the file, for messages.

    Raises:
      UserError: a number that is none, or a right or lower side before the left or upper one.
    """
    with np.errstate(over="ignore"):  # infinite, and named below
        boxes = np.asarray(boxes, "float32").reshape(-1, 4)
    for box in boxes:
        if not np.isfinite(box).all():
            raise UserError(f"{where}: a box is {_said(box)}: correct it or take it out.")
        if box[2] < box[0] or box[3] < box[1]:
            raise UserError(f"{where}: a box is {_said(box)}, its end before its beginning: correct it or take it out.")
    height, width = size
    inside = np.clip(boxes, 0, np.array([width, height, width, height], "float32"))
    there = (inside[:, 2:] > inside[:, :2]).all(1)
    if not there.all():
        messages.once(
            f"{where}: the box {_said(boxes[~there][0])} has no area in the picture of {width} x {height}: left out."
        )
    return inside, there


def _said(box):
    return "(" + ", ".join(f"{float(v):g}" for v in box) + ")"
