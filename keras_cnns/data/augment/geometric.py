"""Augmentations that move pixels, and with them boxes and masks: mirroring, zooming, mosaics.

Each is a plain function of samples and of random numbers in [0, 1), which depend only on the number of the sample.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from keras_cnns.data.augment.letterbox import fitting, place
from keras_cnns.data.sources.sample import Sample

MIDDLE = (0.3, 0.7)  # where the four parts of a mosaic meet, as fractions of its sides
PART = (0.5, 1.0)  # the size of a mosaic's pictures, relative to the size at which each would fit alone


def mirrored(sample: Sample) -> Sample:
    """Left and right exchanged."""
    width = sample.picture.shape[1]
    mask = None if sample.mask is None else sample.mask[:, ::-1]
    sample = replace(sample, picture=sample.picture[:, ::-1], mask=mask)
    if sample.boxes is None:
        return sample
    x1, y1, x2, y2 = sample.boxes.T
    return replace(sample, boxes=np.stack([width - x2, y1, width - x1, y2], 1))


def zoomed(sample: Sample, size: Sequence[int], zoom: tuple[float, float], u: np.ndarray) -> Sample:
    """The sample, scaled by a random factor and placed at a random position in a frame of `size` (height, width).

    zoom: (smallest, largest) factor, relative to the scale at which the whole picture just fits into the frame. Above 1
      the picture is cropped, below 1 it is padded. u: three random numbers in [0, 1): scale, vertical and horizontal
      position.
    """
    shape = sample.picture.shape[:2]
    scale = fitting(shape, size) * np.exp(np.log(zoom[0]) + u[0] * np.log(zoom[1] / zoom[0]))
    sides = [max(1, round(n * scale)) for n in shape]
    corner = [round(part * (n - side)) for part, n, side in zip(u[1:3], size, sides, strict=True)]
    return place(sample, size, scale, corner)


def mosaic(samples: Sequence[Sample], size: Sequence[int], u: np.ndarray) -> Sample:
    """Four samples that meet at a point, each cut to its quarter (Bochkovskiy et al. 2020, 2004.10934, 3.3).

    size: (height, width) of the result. u: numbers in [0, 1), [14].
    """
    height, width = size
    row, column = (round(n * (MIDDLE[0] + part * (MIDDLE[1] - MIDDLE[0]))) for n, part in zip(size, u[:2], strict=True))
    quarters = []  # (sample, rows, columns)
    for i, sample in enumerate(samples):
        top, bottom = ((0, row), (row, height))[i // 2]
        left, right = ((0, column), (column, width))[i % 2]
        shape = sample.picture.shape[:2]
        scale = (PART[0] + u[2 + 3 * i] * (PART[1] - PART[0])) * fitting(shape, size)
        quarter = (bottom - top, right - left)
        sides = [max(1, round(n * scale)) for n in shape]
        corner = [round(v * (n - s)) for v, n, s in zip(u[3 + 3 * i : 5 + 3 * i], quarter, sides, strict=True)]
        quarters.append((place(sample, quarter, scale, corner), slice(top, bottom), slice(left, right)))
    return _joined(quarters, height, width)


def _joined(quarters: Sequence[tuple[Sample, slice, slice]], height: int, width: int) -> Sample:
    first = quarters[0][0]
    picture = np.zeros((height, width, 3), np.uint8)
    mask = None if first.mask is None else np.zeros((height, width), np.uint8)
    for sample, rows, columns in quarters:
        picture[rows, columns] = sample.picture
        if mask is not None:
            mask[rows, columns] = sample.mask
    joined = replace(first, picture=picture, mask=mask)
    if first.boxes is None:
        return joined
    shifts = [np.array([columns.start, rows.start] * 2, "float32") for _, rows, columns in quarters]
    boxes = np.concatenate([sample.boxes + shift for (sample, *_), shift in zip(quarters, shifts, strict=True)])
    names = ("classes", "ignored", "crowd")
    parts: dict[str, Any] = {name: np.concatenate([getattr(sample, name) for sample, *_ in quarters]) for name in names}
    return replace(joined, boxes=boxes, **parts)
