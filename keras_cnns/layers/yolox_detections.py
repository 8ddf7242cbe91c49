"""The detected objects of a YOLOX. Ge et al. 2021, "YOLOX: Exceeding YOLO Series in 2021", 2107.08430."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_cnns.geometry.anchors import pyramid_anchors
from keras_cnns.geometry.boxes import clip
from keras_cnns.geometry.nms import nms, objects
from keras_cnns.layers.dense_detections import DenseDetections, Scoring
from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable(package="keras_cnns")
class YOLOXDetections(DenseDetections):
    """`DenseDetections` without anchors: a box of each position starts from the square of one stride there.

    As in the authors' code, the score of a class is its probability times that of an object, and each position has one
    object, of its best class.

    Inputs:
      scores: a pair of logits: of the classes [batch, N, K], and of an object [batch, N, 1].
      deltas, levels, image: see `DenseDetections`.

    Args:
      count, least, threshold: see `DenseDetections`.
      candidates: the number of best boxes that enter suppression.
      stride: pixels between neighbouring positions of the first level; of each further one twice as many.

    Example:
      objects = YOLOXDetections(100)([scores, objectness], deltas, levels, image)
      objects["boxes"]  # [1, 100, 4]
    """

    def __init__(
        self,
        count: int,
        scoring: Scoring = "sigmoid",
        least: float = 0.01,
        threshold: float = 0.65,
        candidates: int = 1000,
        *,
        stride: int = 8,
        **kwargs: Any,
    ) -> None:
        super().__init__(count, scoring, least, threshold, candidates, **kwargs)
        self.stride = stride

    def references(self, levels: Sequence[Tensor], image: Tensor) -> list[Tensor]:
        scales = [(self.stride * 2**n,) for n in range(len(levels))]
        return pyramid_anchors(levels, self.stride, scales, (1.0,), offset=0.0)

    def probabilities(self, scores: Sequence[Tensor]) -> Tensor:
        by_class, objectness = (ops.sigmoid(ops.cast(logits, "float32")) for logits in scores)
        return by_class * objectness

    def call(
        self, scores: Sequence[Tensor], deltas: Tensor, levels: Sequence[Tensor], image: Tensor
    ) -> dict[str, Tensor]:
        best, classes = ops.top_k(self.probabilities(scores), 1)
        best, classes = best[..., 0], ops.cast(classes[..., 0], "int32")
        best = ops.where(best > self.least, best, float("-inf"))
        references = ops.concatenate(self.references(levels, image), axis=0)
        boxes = clip(self.decoded(ops.cast(deltas, "float32"), references), *ops.shape(image)[1:3])
        chosen, kept = nms(
            boxes, best, classes=classes, count=self.count, before=self.candidates, threshold=self.threshold
        )
        return objects(boxes, classes, best, chosen, kept)

    def get_config(self) -> dict:
        return super().get_config() | {"stride": self.stride}
