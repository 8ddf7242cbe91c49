"""Turns class scores and refined boxes into detected objects. Girshick 2015, 1504.08083, sections 2.1 and 3."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_cnns.geometry.boxes import clip, decode
from keras_cnns.geometry.nms import nms, objects, objects_spec
from keras_cnns.layers.proposals import SMALLEST
from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable(package="keras_cnns")
class Detections(keras.layers.Layer):
    """The detected objects of each picture, from the scores and box deltas of its proposals.

    Each class refines each proposal with deltas of its own. Non-maximum suppression runs on each class separately.

    Inputs:
      scores: logits [batch, proposals, 1 + classes], the background first.
      deltas: [batch, proposals, 4 * classes].
      proposals: [batch, proposals, 4], boxes (x1, y1, x2, y2) in pixels.
      image: [batch, height, width, channels]; only its size is read.

    Returns:
      a dict of "boxes" float32 [batch, count, 4] in pixels, "classes" int32 [batch, count] (0 is the first class after
      the background) and "scores" float32 [batch, count], best first. Where a picture has fewer objects, the remaining
      rows have score 0, class -1 and a box of zeros.

    Args:
      count: largest number of objects of a picture.
      box_weights: factors of the four deltas, see `geometry.boxes.encode`.
      least: smallest score (a probability) of an object.
      threshold: two boxes of a class whose intersection over union is larger count as one object.
      before: number of best-scored boxes that enter suppression.

    Example:
      objects = Detections(100)(scores, deltas, proposals, image)
      objects["boxes"]  # [1, 100, 4]
    """

    def __init__(
        self,
        count: int,
        box_weights: Sequence[float] = (10.0, 10.0, 5.0, 5.0),
        least: float = 0.05,
        threshold: float = 0.3,
        before: int = 1000,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.count, self.box_weights, self.least = count, tuple(box_weights), least
        self.threshold, self.before = threshold, before

    def call(self, scores: Tensor, deltas: Tensor, proposals: Tensor, image: Tensor) -> dict[str, Tensor]:
        batch, regions = ops.shape(proposals)[:2]
        classes = scores.shape[-1] - 1
        scores = ops.softmax(ops.cast(scores, "float32"))[..., 1:]
        deltas = ops.reshape(ops.cast(deltas, "float32"), (batch, regions, classes, 4))
        boxes = clip(decode(deltas, proposals[:, :, None], self.box_weights), *ops.shape(image)[1:3])
        is_box = ops.all(proposals[..., 2:] > proposals[..., :2], axis=-1)[..., None]
        is_box = ops.logical_and(is_box, ops.all(boxes[..., 2:] - boxes[..., :2] >= SMALLEST, axis=-1))
        scores = ops.where(ops.logical_and(is_box, scores >= self.least), scores, float("-inf"))
        boxes, scores = (ops.reshape(x, (batch, regions * classes, *x.shape[3:])) for x in (boxes, scores))
        labels = ops.zeros((batch, regions, 1), "int32") + ops.arange(classes, dtype="int32")
        labels = ops.reshape(labels, (batch, regions * classes))
        if not isinstance(regions, int) or regions == 0:  # nms needs at least one box: add one that is never chosen
            boxes = ops.pad(boxes, ((0, 0), (0, 1), (0, 0)))
            scores = ops.pad(scores, ((0, 0), (0, 1)), constant_values=float("-inf"))
            labels = ops.pad(labels, ((0, 0), (0, 1)))
        chosen, kept = nms(
            boxes, scores, classes=labels, count=self.count, before=self.before, threshold=self.threshold
        )
        return objects(boxes, labels, scores, chosen, kept)

    def compute_output_spec(self, scores: Tensor, deltas: Tensor, proposals: Tensor, image: Tensor) -> dict:
        return objects_spec(scores.shape[0], self.count)

    def get_config(self) -> dict:
        arguments = ("count", "box_weights", "least", "threshold", "before")
        return super().get_config() | {name: getattr(self, name) for name in arguments}
