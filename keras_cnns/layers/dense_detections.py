"""Turns scores and box deltas at every position of several levels into detected objects: one-stage detectors."""

from collections.abc import Sequence
from typing import Any, Literal

import keras
from keras import ops

from keras_cnns.geometry.boxes import clip, decode
from keras_cnns.geometry.nms import nms, objects, objects_spec
from keras_cnns.support.types import Tensor

Scoring = Literal["softmax", "sigmoid"]


class DenseDetections(keras.layers.Layer):
    """The detected objects of each picture. Subclasses say where the boxes of the positions start (`references`).

    All inputs but the image are joined over the levels, the finest level first.

    Inputs:
      scores: logits [batch, N, K], or [batch, N, 1 + K] with the background first where `scoring` is "softmax".
      deltas: [batch, N, 4], see `decoded`.
      levels: a list of feature maps [batch, h, w, channels]; only their sizes are read. N follows from them.
      image: [batch, height, width, channels]; only its size is read.

    Returns:
      The dict that `layers.Detections` returns: "boxes" float32 [batch, count, 4] in pixels, "classes" int32
      [batch, count] and "scores" float32 [batch, count], best first. Where a picture has fewer objects, the remaining
      rows have score 0, class -1 and a box of zeros.

    Args:
      count: largest number of objects of a picture.
      scoring: how a logit becomes a probability: "softmax" over the classes and the background, or "sigmoid".
      least: an object's score (a probability) is larger than this.
      threshold: two boxes of a class whose intersection over union is larger count as one object.
      candidates: the number of best boxes of each class ("softmax") or of each level ("sigmoid") that enter
        suppression, as in torchvision.

    Example:
      isinstance(keras_cnns.build("retinanet").get_layer("detections"), DenseDetections)  # True
    """

    def __init__(
        self,
        count: int,
        scoring: Scoring = "sigmoid",
        least: float = 0.05,
        threshold: float = 0.5,
        candidates: int = 1000,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.count, self.scoring = count, scoring
        self.least, self.threshold, self.candidates = least, threshold, candidates

    def references(self, levels: Sequence[Tensor], image: Tensor) -> list[Tensor]:
        """For each level, the boxes float32 [h * w * k, 4] in pixels that its positions start from."""
        raise NotImplementedError

    def decoded(self, deltas: Tensor, references: Tensor) -> Tensor:
        """The boxes [..., N, 4] in pixels of `deltas` [..., N, 4]."""
        return decode(deltas, references)

    def probabilities(self, scores: Tensor) -> Tensor:
        """[batch, N, K], without the background."""
        scores = ops.cast(scores, "float32")
        return ops.softmax(scores)[..., 1:] if self.scoring == "softmax" else ops.sigmoid(scores)

    def call(self, scores: Tensor, deltas: Tensor, levels: Sequence[Tensor], image: Tensor) -> dict[str, Tensor]:
        probabilities, deltas = self.probabilities(scores), ops.cast(deltas, "float32")
        probabilities = ops.where(probabilities > self.least, probabilities, float("-inf"))
        references, size = self.references(levels, image), ops.shape(image)[1:3]
        best = self._best_of_classes if self.scoring == "softmax" else self._best_of_levels
        return self._answer(*best(probabilities, deltas, references, size))

    def _best_of_classes(
        self, probabilities: Tensor, deltas: Tensor, references: list[Tensor], size: Sequence[Any]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes [batch, M, 4], classes [batch, M], scores [batch, M], -inf where there is none.

        The best boxes of each class, after suppression of each class by itself.
        """
        batch, total, classes = ops.shape(probabilities)
        boxes = clip(self.decoded(deltas, ops.concatenate(references, axis=0)), *size)
        available = _smaller(self.candidates, total)
        scores, numbers = ops.top_k(ops.transpose(probabilities, (0, 2, 1)), available)
        boxes = ops.take_along_axis(boxes, ops.reshape(numbers, (batch, -1))[..., None], axis=1)
        boxes = ops.reshape(boxes, (batch * classes, available, 4))
        scores = ops.reshape(scores, (batch * classes, available))
        most = min(self.count, self.candidates)
        chosen, kept = nms(boxes, scores, count=most, threshold=self.threshold)
        boxes = ops.take_along_axis(boxes, chosen[..., None], axis=1)
        scores = ops.where(kept, ops.take_along_axis(scores, chosen, axis=1), float("-inf"))
        labels = ops.repeat(ops.arange(classes, dtype="int32"), most)
        labels = ops.zeros((batch, 1), "int32") + labels[None]
        return ops.reshape(boxes, (batch, -1, 4)), labels, ops.reshape(scores, (batch, -1))

    def _best_of_levels(
        self, probabilities: Tensor, deltas: Tensor, references: list[Tensor], size: Sequence[Any]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The same: the best boxes of each level, then suppression of each class over all levels."""
        batch, _, classes = ops.shape(probabilities)
        all_boxes, all_labels, all_scores, start = [], [], [], 0
        for reference in references:
            end = start + ops.shape(reference)[0]
            scores = ops.reshape(probabilities[:, start:end], (batch, -1))
            scores, numbers = ops.top_k(scores, _smaller(self.candidates, (end - start) * classes))
            rows = numbers // classes
            level_deltas = ops.take_along_axis(deltas[:, start:end], rows[..., None], axis=1)
            all_boxes.append(clip(self.decoded(level_deltas, ops.take(reference, rows, axis=0)), *size))
            all_labels.append(ops.cast(numbers % classes, "int32"))
            all_scores.append(scores)
            start = end
        boxes, labels = ops.concatenate(all_boxes, axis=1), ops.concatenate(all_labels, axis=1)
        scores = ops.concatenate(all_scores, axis=1)
        chosen, kept = nms(boxes, scores, classes=labels, count=self.count, threshold=self.threshold)
        scores = ops.where(kept, ops.take_along_axis(scores, chosen, axis=1), float("-inf"))
        boxes = ops.take_along_axis(boxes, chosen[..., None], axis=1)
        return boxes, ops.take_along_axis(labels, chosen, axis=1), scores

    def _answer(self, boxes: Tensor, labels: Tensor, scores: Tensor) -> dict[str, Tensor]:
        """The `count` best objects, best first."""
        missing = ((0, 0), (0, self.count))  # rows that are never chosen unless there are too few
        boxes = ops.pad(boxes, (*missing, (0, 0)))
        labels, scores = ops.pad(labels, missing), ops.pad(scores, missing, constant_values=float("-inf"))
        best, chosen = ops.top_k(scores, self.count)
        return objects(boxes, labels, scores, chosen, best > float("-inf"))

    def compute_output_spec(self, scores: Tensor, deltas: Tensor, levels: Sequence[Tensor], image: Tensor) -> dict:
        return objects_spec(deltas.shape[0], self.count)

    def get_config(self) -> dict:
        arguments = ("count", "scoring", "least", "threshold", "candidates")
        return super().get_config() | {name: getattr(self, name) for name in arguments}


def _smaller(most: int, available: Any) -> Any:
    """The smaller of two numbers, of which the second may be a tensor."""
    return min(most, available) if isinstance(available, int) else ops.minimum(most, available)
