"""A sample: a picture and what is known about it, a label, boxes or a mask."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

VOID = 255  # in a mask: a pixel that belongs to no class, neither trained on nor counted
BACKGROUND = "background"  # the name of class 0 of a mask


@runtime_checkable
class Mask(Protocol):
    """A mask whose labels are computed when its picture is read: outlines, or a file with codes of classes."""

    def labels(self, size: tuple[int, int], where: str) -> np.ndarray:
        """The class of each pixel of a picture of `size` (height, width), uint8 [H, W].

        where: what a message calls it.

        Raises:
          UserError: the mask does not fit the picture, or is impossible.
        """


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture with its label, its boxes or its mask.

    A source returns samples as they are stored: the picture and the mask may be encoded files, and boxes may reach over
    the border. `keras_cnns.data.decoding.decoded` turns them into arrays and checks them against the picture.

    Attributes:
      picture: an encoded file (bytes, or a string tensor), or pixels, uint8 [H, W, 1 or 3].
      label: the number of the class (an int64 tensor), or None.
      boxes: [n, 4], (x1, y1, x2, y2) in pixels that count from 0, x2 and y2 not included; or None. float32 once
        decoded.
      classes: int64 [n], the class of each box.
      ignored: bool [n], boxes that need not be detected and are not trained on (VOC's "difficult", COCO's crowds).
      crowd: bool [n], boxes around many objects at once.
      mask: uint8 [H, W], the class of each pixel (0 is usually the background, VOID belongs to none), or an encoded
        file, or a `Mask`, or None.
      size: (height, width) of the picture as the annotations state it, or None where they do not.
      fractions: whether boxes are fractions of the picture's width and height instead of pixels.
      first_pixel: 1 where the left and upper sides of boxes count pixels from 1, as in PASCAL VOC.

    >>> sample = Sample(np.zeros((100, 200, 3), np.uint8), boxes=[[10, 20, 60, 80]], classes=[0])
    >>> sample.boxes.shape, sample.ignored.tolist()
    ((1, 4), [False])
    """

    picture: Any
    label: Any = None
    boxes: Any = None
    classes: Any = None
    ignored: Any = None
    crowd: Any = None
    mask: Any = None
    size: tuple[int, int] | None = None
    fractions: bool = False
    first_pixel: int = 0

    def __post_init__(self) -> None:
        if self.boxes is None:
            return
        boxes = np.asarray(self.boxes).reshape(-1, 4)
        object.__setattr__(self, "boxes", boxes)
        object.__setattr__(self, "classes", np.asarray(self.classes, np.int64).reshape(-1))
        for name in ("ignored", "crowd"):
            flags = getattr(self, name)
            object.__setattr__(self, name, np.zeros(len(boxes), bool) if flags is None else np.asarray(flags, bool))
