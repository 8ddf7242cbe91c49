"""Occlusion: how much a score falls where the picture is covered. Zeiler & Fergus 2013, 1311.2901, section 4.2."""

import numpy as np

from keras_cnns.insight import targets
from keras_cnns.insight.maps.base import BATCH, by_batch
from keras_cnns.support.errors import UserError


def occlusion(model, pictures, target=None, *, patch=None, stride=None, value=None, batch=BATCH):
    """The mean fall of the score over all patches that cover a position. No gradient is needed.

    The score is what the model itself answers, a probability where it ends in a softmax, as in the paper.

    Args:
      model, pictures, target: as in `grad_cam`; the class is the one that the model answers to the whole picture.
      patch: side of the covering square in pixels; None: a third of the shorter side,
        which hides what an object is known by.
      stride: from one patch to the next; None: a quarter of the patch.
      value: what covers, on the model's scale: a number, or one for each channel; None: the picture's mean colour.
      batch: covered pictures at a time.

    Returns:
      [n, h, w]: positive where the picture speaks for the target.

    Raises:
      UserError: as in `grad_cam`, or a patch that does not fit.
    """

    def one_picture(network, pictures, target):
        (picture,) = np.asarray(pictures)
        target = targets.settle(target, network.run(pictures)[0])
        return occlude(
            lambda some: network.scores(some, _for_each(target), whole=True), picture, patch, stride, value, batch
        )[None]

    return by_batch(model, pictures, target, one_picture, batch=1)


def occlude(score, picture, patch=None, stride=None, value=None, batch=BATCH):
    """The map [h, w] of one picture [h, w, c]. score: pictures [n, h, w, c] -> [n]."""
    height, width, _ = picture.shape
    patch = max(1, min(height, width) // 3) if patch is None else patch
    stride = max(1, patch // 4) if stride is None else stride
    if not (1 <= patch <= min(height, width) and 1 <= stride <= patch):
        raise UserError(
            f"a patch of {patch} every {stride} pixels does not cover {height}x{width}: the patch must fit into the "
            "picture and the stride into the patch."
        )
    cover = picture.mean((0, 1)) if value is None else np.asarray(value, "float32")
    corners = [(top, left) for top in _starts(height, patch, stride) for left in _starts(width, patch, stride)]
    whole = float(np.asarray(score(picture[None]))[0])
    fall, times = np.zeros((height, width)), np.zeros((height, width))
    for start in range(0, len(corners), batch):
        some = corners[start : start + batch]
        covered = np.repeat(picture[None], len(some), axis=0)
        for copy, (top, left) in zip(covered, some, strict=True):
            copy[top : top + patch, left : left + patch] = cover
        for (top, left), now in zip(some, np.asarray(score(covered)), strict=True):
            fall[top : top + patch, left : left + patch] += whole - now
            times[top : top + patch, left : left + patch] += 1
    return (fall / times).astype("float32")


def _starts(length, patch, stride):
    """Where patches begin, the last one at the border."""
    return sorted({*range(0, length - patch + 1, stride), length - patch})


def _for_each(target):
    """A class of one picture, asked of all its covered copies."""
    if isinstance(target, targets.Class) and np.ndim(target.index):
        return targets.Class(int(target.index[0]), target.output)
    return target
