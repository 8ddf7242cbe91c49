"""Samples with boxes or masks as arrays, checked against their pictures."""

import os
from dataclasses import replace
from typing import Any

import numpy as np

from keras_cnns.data import pillow
from keras_cnns.data.pictures import HEAD, pixels
from keras_cnns.data.sources.mask_files import mask_values
from keras_cnns.data.sources.sample import VOID, Mask, Sample
from keras_cnns.data.sources.source import Source
from keras_cnns.support import messages
from keras_cnns.support.errors import BadArgument


def decoded(source: Source, number: int) -> Sample:
    """Decodes and checks sample `number` of a source of boxes or masks.

    Returns:
      A `Sample` with the picture uint8 [H, W, 3], the boxes float32 [n, 4] clipped to the picture, and the mask uint8
      [H, W]. Boxes without an area are left out, with a warning.

    Raises:
      UserError: the picture or the mask cannot be decoded; the annotations are of a picture of another size; a box or a
        mask is impossible.
    """
    sample = source.read(number)
    where = source.where(number)
    picture = pixels(sample.picture, source.picture_name(number))
    height, width = size = picture.shape[:2]
    turned = _is_turned(sample.picture)
    if sample.size not in (None, size):
        reason = "or to one that was rotated."
        if turned:
            reason = "or its EXIF orientation turns it: save it upright without one, and check its annotations."
        raise BadArgument(
            f"{where} says that the picture is {sample.size[1]} x {sample.size[0]} pixels, but it is {width} x "
            f"{height}: the annotations belong to another picture, {reason}"
        )
    if turned:
        folder = os.path.dirname(source.picture_name(number))
        messages.once(
            f"{folder} has pictures that their EXIF orientation turns or mirrors: boxes and masks are taken to belong "
            "to the pictures as they are shown. If they belong to the pixels as they are stored, save the pictures "
            "without the orientation."
        )
    sample = replace(sample, picture=picture)
    if sample.mask is not None:
        sample = replace(sample, mask=_mask(sample.mask, size, len(source.names), where))
    return sample if sample.boxes is None else _with_boxes_inside(sample, where, source.most_boxes)


def _is_turned(data: Any) -> bool:
    """Whether a picture file has an EXIF orientation other than upright."""
    if not isinstance(data, bytes) or not any(mark in data[:HEAD] for mark in (b"Exif\0", b"eXIf")):
        return False
    return pillow.orientation(pillow.opened(data)) in pillow.UPRIGHT


def _with_boxes_inside(sample: Sample, where: str, most: int) -> Sample:
    height, width = sample.picture.shape[:2]
    first = sample.first_pixel
    boxes = sample.boxes * [width, height, width, height] if sample.fractions else sample.boxes
    boxes, usable = checked(boxes - [first, first, 0, 0] if first else boxes, (height, width), where)
    if usable.sum() > most:
        messages.once(f"{where}: {usable.sum()} boxes, of which the first {most} are used.")
    kept = np.flatnonzero(usable)[:most]
    parts = {name: getattr(sample, name)[kept] for name in ("classes", "ignored", "crowd")}
    return replace(sample, boxes=boxes[kept], fractions=False, first_pixel=0, **parts)


def checked(boxes: Any, size: tuple[int, int], where: str) -> tuple[np.ndarray, np.ndarray]:
    """Clips boxes to the picture.

    Args:
      boxes: [n, 4], (x1, y1, x2, y2) in pixels.
      size: (height, width) of the picture.
      where: the file, for messages.

    Returns:
      (clipped boxes float32 [n, 4], whether each has an area bool [n]). A warning names the first box without one.

    Raises:
      UserError: a coordinate is not finite, or x2 is less than x1, or y2 less than y1.
    """
    with np.errstate(over="ignore"):  # becomes infinite, which is refused below
        boxes = np.asarray(boxes, "float32").reshape(-1, 4)
    for box in boxes:
        if not np.isfinite(box).all():
            raise BadArgument(f"{where}: a box is {_written(box)}: correct it or remove it.")
        if box[2] < box[0] or box[3] < box[1]:
            raise BadArgument(f"{where}: a box is {_written(box)}, its end before its start: correct it or remove it.")
    height, width = size
    inside = np.clip(boxes, 0, np.array([width, height, width, height], "float32"))
    usable = (inside[:, 2:] > inside[:, :2]).all(1)
    if not usable.all():
        box = _written(boxes[~usable][0])
        messages.once(f"{where}: the box {box} has no area in the picture of {width} x {height}: left out.")
    return inside, usable


def _written(box: np.ndarray) -> str:
    return "(" + ", ".join(f"{float(side):g}" for side in box) + ")"


def _mask(mask: Any, size: tuple[int, int], classes: int, where: str) -> np.ndarray:
    """The class of each pixel, uint8 [H, W]."""
    if isinstance(mask, Mask):
        values = mask.labels(size, where)
    else:
        values = mask_values(mask, where) if isinstance(mask, bytes) else np.asarray(mask)
    if values.shape != size:
        raise BadArgument(
            f"{where}: the mask is {values.shape[1]} x {values.shape[0]} pixels, and its picture {size[1]} x {size[0]}."
        )
    unknown = sorted({int(value) for value in np.unique(values)} - {*range(classes), VOID})
    if unknown:
        raise BadArgument(f"{where} has the label {unknown[0]}, and the classes are 0 .. {classes - 1} ({VOID}: void).")
    return values.astype("uint8")
