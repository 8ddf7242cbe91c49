"""Augmentations that move pixels, and with them boxes and masks: mirrored, zoomed and shifted, four put together.

Each is a plain function of scenes and of numbers in [0, 1), which come from the sample's place in the run.
"""

from dataclasses import replace

import numpy as np

from keras_cnns.data.placed import fitting, place

MIDDLE = (0.3, 0.7)  # of a mosaic: where its four parts meet, as parts of the sides
PART = (0.5, 1.0)  # the size of a mosaic's pictures, relative to where each would fit alone


def mirrored(scene):
    """Left and right exchanged."""
    width = scene.image.shape[1]
    x1, y1, x2, y2 = scene.boxes.T
    boxes = np.stack([width - x2, y1, width - x1, y2], 1)
    mask = None if scene.mask is None else scene.mask[:, ::-1]
    return replace(scene, image=scene.image[:, ::-1], boxes=boxes, mask=mask)


def zoomed(scene, size, zoom, u):
    """The scene `zoom` = (least, most) times as large as it fits into `size`, somewhere: cut where it is larger, with a
    border where it is smaller; u: [3]."""
    scale = fitting(scene.image.shape[:2], size) * np.exp(np.log(zoom[0]) + u[0] * np.log(zoom[1] / zoom[0]))
    sides = [max(1, round(n * scale)) for n in scene.image.shape[:2]]
    corner = [round(part * (n - side)) for part, n, side in zip(u[1:3], size, sides, strict=True)]
    return place(scene, size, scale, corner)


def mosaic(scenes, size, u):
    """Four scenes that meet at a point, each cut to its quarter; u: [14]. Bochkovskiy et al. 2020, 2004.10934, 3.3."""
    height, width = size
    row, column = (round(n * (MIDDLE[0] + part * (MIDDLE[1] - MIDDLE[0]))) for n, part in zip(size, u[:2], strict=True))
    parts = []
    for i, scene in enumerate(scenes):
        top, bottom = ((0, row), (row, height))[i // 2]
        left, right = ((0, column), (column, width))[i % 2]
        share = PART[0] + u[2 + 3 * i] * (PART[1] - PART[0])
        scale = share * fitting(scene.image.shape[:2], size)
        quarter = (bottom - top, right - left)
        sides = [max(1, round(n * scale)) for n in scene.image.shape[:2]]
        corner = [round(v * (n - s)) for v, n, s in zip(u[3 + 3 * i : 5 + 3 * i], quarter, sides, strict=True)]
        part = place(scene, quarter, scale, corner)
        parts.append((part, np.array([left, top, left, top], "float32"), (slice(top, bottom), slice(left, right))))
    image = np.zeros((height, width, 3), np.uint8)
    mask = None if scenes[0].mask is None else np.zeros((height, width), np.uint8)
    for part, _, where in parts:
        image[where] = part.image
        if mask is not None:
            mask[where] = part.mask
    joined = {"boxes": np.concatenate([part.boxes + shift for part, shift, _ in parts])}
    for name in ("classes", "ignored", "crowd"):
        joined[name] = np.concatenate([_full(getattr(part, name), len(part.boxes)) for part, *_ in parts])
    return replace(scenes[0], image=image, mask=mask, **joined)


def _full(flags, count):
    return flags if len(flags) == count else np.zeros(count, bool)
