"""Occlusion: how much a score falls where the picture is covered. Zeiler & Fergus 2013, 1311.2901, section 4.2."""

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.insight.maps import targets
from keras_cnns.insight.maps.arguments import like_picture, whole_number
from keras_cnns.insight.maps.base import BATCH, by_batch
from keras_cnns.insight.maps.inspected_model import InspectedModel
from keras_cnns.support.errors import BadArgument


def occlusion(
    model: keras.Model | InspectedModel,
    pictures: np.ndarray,
    target: targets.TargetLike = None,
    *,
    patch: int | None = None,
    stride: int | None = None,
    value: float | np.ndarray | None = None,
    batch: int = BATCH,
) -> np.ndarray:
    """The mean fall of the score over all patches that cover a position. No gradient is needed.

    The score is what the model itself answers, a probability where it ends in a softmax, as in the paper.

    >>> insight.occlusion(model, pictures, patch=32).shape
    (1, 224, 224)

    Args:
      model, pictures, target: as in `grad_cam`; a target of None is the class that the model answers to the whole
        picture.
      patch: side of the covering square in pixels; None: a third of the shorter side, which hides what an object is
        recognized by.
      stride: pixels from one patch to the next; None: a quarter of the patch.
      value: what covers, on the model's scale: a number, or one for each channel; None: the picture's mean colour.
      batch: number of covered pictures that are computed together.

    Returns:
      float32 [n, h, w]: positive where the picture speaks for the target.

    Raises:
      UserError: as in `grad_cam`, or a patch, stride, value or batch that does not fit.
    """
    batch = whole_number("batch", batch)

    def one_picture(network: InspectedModel, pictures: tf.Tensor, target: targets.Target) -> np.ndarray:
        if pictures.ndim != 4:
            raise BadArgument(
                f"{network.model.name} does not take pictures with rows and columns: nothing can be covered."
            )
        (picture,) = np.asarray(pictures)
        target = _of_all_copies(network.settled(target, pictures))
        return occlude(
            lambda some: network.scores(some, target, probabilities=True), picture, patch, stride, value, batch
        )[None]

    return by_batch(model, pictures, target, one_picture, batch=1)


def occlude(
    score: Callable,
    picture: np.ndarray,
    patch: int | None = None,
    stride: int | None = None,
    value: float | np.ndarray | None = None,
    batch: int = BATCH,
) -> np.ndarray:
    """The map [h, w] of one picture [h, w, c]. score: pictures [n, h, w, c] -> scores [n]."""
    height, width, _ = picture.shape
    patch = max(1, min(height, width) // 3) if patch is None else whole_number("patch", patch)
    stride = max(1, patch // 4) if stride is None else whole_number("stride", stride)
    if patch > min(height, width) or stride > patch:
        raise BadArgument(
            f"a patch of {patch} every {stride} pixels does not cover {height}x{width}: the patch must fit into the "
            "picture and the stride into the patch."
        )
    cover = picture.mean((0, 1)) if value is None else like_picture("value", value, picture.shape[-1:])
    corners = [(top, left) for top in _starts(height, patch, stride) for left in _starts(width, patch, stride)]
    uncovered = float(np.asarray(score(picture[None]))[0])
    fall, times = np.zeros((height, width)), np.zeros((height, width))
    for start in range(0, len(corners), batch):
        batch_corners = corners[start : start + batch]
        covered = np.repeat(picture[None], len(batch_corners), axis=0)
        for copy, (top, left) in zip(covered, batch_corners, strict=True):
            copy[top : top + patch, left : left + patch] = cover
        for (top, left), now in zip(batch_corners, np.asarray(score(covered)), strict=True):
            fall[top : top + patch, left : left + patch] += uncovered - now
            times[top : top + patch, left : left + patch] += 1
    return (fall / times).astype("float32")


def _starts(length: int, patch: int, stride: int) -> list[int]:
    """Where patches begin, the last one at the border."""
    return sorted({*range(0, length - patch + 1, stride), length - patch})


def _of_all_copies(target: targets.Target) -> targets.Target:
    """The class of one picture as that of all its covered copies."""
    if isinstance(target, targets.Class) and isinstance(target.index, tuple):
        return replace(target, index=target.index[0])
    return target
