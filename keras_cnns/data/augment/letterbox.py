"""A picture resized into a frame of another size, and its boxes and its mask with it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from keras_cnns.data.sources.sample import VOID, Sample

FILL = 114  # the grey value of the frame where the picture does not reach
VISIBLE = 0.25  # fraction of a box's area; if less is visible, the box is not trained on, nor counted as missed


def fitting(shape: Sequence[int], size: Sequence[int]) -> float:
    """The factor at which a picture of `shape` (height, width) just fits into `size` (height, width)."""
    return min(size[0] / shape[0], size[1] / shape[1])


def place(sample: Sample, size: Sequence[int], scale: float, corner: Sequence[int] = (0, 0)) -> Sample:
    """The sample resized by `scale` and placed into a frame.

    Args:
      sample: decoded, see `data.decoding`.
      size: (height, width) of the frame.
      corner: (row, column) of the picture's upper left corner in the frame; it may lie outside.

    Returns:
      A sample of `size`. The frame is grey, and VOID in the mask, where the picture does not reach. Boxes are cut at
      the border; one of which less than VISIBLE is left becomes ignored, and one of which nothing is left is removed.
    """
    height, width = size
    shape = sample.picture.shape[:2]
    sides = [max(1, round(n * scale)) for n in shape]
    if (*sides, *corner) == (*shape, 0, 0) and tuple(size) == tuple(shape):
        return sample
    picture, mask = np.full((height, width, 3), FILL, np.uint8), sample.mask
    source, target = zip(*(_overlap(at, n, side) for at, n, side in zip(corner, size, sides, strict=True)), strict=True)
    picture[target] = _resized(sample.picture, sides, Image.Resampling.BILINEAR)[source]
    if mask is not None:
        framed = np.full((height, width), VOID, np.uint8)
        framed[target] = _resized(mask, sides, Image.Resampling.NEAREST)[source]
        mask = framed
    sample = replace(sample, picture=picture, mask=mask)
    if sample.boxes is None:
        return sample
    ratio = np.array([sides[1] / shape[1], sides[0] / shape[0]] * 2, "float32")
    moved = sample.boxes * ratio + np.array([corner[1], corner[0]] * 2, "float32")
    boxes = np.clip(moved, 0, np.array([width, height, width, height], "float32"))
    visible, full = _areas(boxes), _areas(moved)
    kept = visible > 0
    ignored = sample.ignored[kept] | (visible[kept] < VISIBLE * full[kept])
    return replace(sample, boxes=boxes[kept], classes=sample.classes[kept], ignored=ignored, crowd=sample.crowd[kept])


def _overlap(at: int, length: int, side: int) -> tuple[slice, slice]:
    """(the visible part of the picture, its place in the frame), along one axis.

    at: where the picture begins in the frame. length: of the frame. side: of the picture.
    """
    first, last = max(at, 0), max(min(at + side, length), max(at, 0))
    return slice(first - at, last - at), slice(first, last)


def _resized(pixels: np.ndarray, sides: Sequence[int], resample: Image.Resampling) -> np.ndarray:
    if pixels.shape[:2] == tuple(sides):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((sides[1], sides[0]), resample))


def _areas(boxes: np.ndarray) -> np.ndarray:
    return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), 1)
