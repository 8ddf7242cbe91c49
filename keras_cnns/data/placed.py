"""A picture laid into the network's, and its boxes and mask with it."""

from dataclasses import replace

import numpy as np
from PIL import Image

from keras_cnns.data.sources.scene import VOID

FILL = 114  # what is seen where the picture does not reach
VISIBLE = 0.25  # of a box's area: one that shows less is neither found nor trained on


def fitting(shape, size):
    """How many times larger the picture of `shape` (height, width) is where it just fits into `size`."""
    return min(size[0] / shape[0], size[1] / shape[1])


def place(scene, size, scale, corner=(0, 0)):
    """The scene resized by `scale` and laid into a picture of `size` (height, width) with its upper left corner at
    `corner` (row, column), which may lie outside; what it does not reach is grey, and void in the mask.

    Boxes are cut at the border; one of which less than VISIBLE is left counts as ignored, and one of which nothing is
    left is gone.
    """
    height, width = size
    shape = scene.image.shape[:2]
    sides = [max(1, round(n * scale)) for n in shape]
    if (*sides, *corner) == (*shape, 0, 0) and tuple(size) == tuple(shape):
        return scene
    image, mask = np.full((height, width, 3), FILL, np.uint8), scene.mask
    there, here = zip(*(_shared(at, n, side) for at, n, side in zip(corner, size, sides, strict=True)), strict=True)
    image[here] = _resized(scene.image, sides, Image.Resampling.BILINEAR)[there]
    if mask is not None:
        laid = np.full((height, width), VOID, np.uint8)
        laid[here] = _resized(mask, sides, Image.Resampling.NEAREST)[there]
        mask = laid
    ratio = np.array([sides[1] / shape[1], sides[0] / shape[0]] * 2, "float32")
    whole = scene.boxes * ratio + np.array([corner[1], corner[0]] * 2, "float32")
    boxes = np.clip(whole, 0, np.array([width, height, width, height], "float32"))
    left, full = _areas(boxes), _areas(whole)
    kept = left > 0
    ignored = _flags(scene.ignored, kept) | (left[kept] < VISIBLE * full[kept])
    parts = {"boxes": boxes[kept], "classes": scene.classes[kept], "ignored": ignored}
    return replace(scene, image=image, mask=mask, crowd=_flags(scene.crowd, kept), **parts)


def _shared(at, length, side):
    """Along one axis, of a picture `side` long laid at `at` into one `length` long: (its part, where that lies)."""
    first, last = max(at, 0), max(min(at + side, length), max(at, 0))
    return slice(first - at, last - at), slice(first, last)


def _resized(pixels, sides, how):
    if pixels.shape[:2] == tuple(sides):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((sides[1], sides[0]), how))


def _areas(boxes):
    return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), 1)


def _flags(flags, kept):
    return flags[kept] if len(flags) else np.zeros(int(kept.sum()), bool)
