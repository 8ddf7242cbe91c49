"""The detected objects of an SSD. Liu et al. 2015, "SSD: Single Shot MultiBox Detector", 1512.02325, section 2."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_cnns.geometry.boxes import decode
from keras_cnns.geometry.default_boxes import default_boxes
from keras_cnns.layers.dense_detections import DenseDetections, Scoring
from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable(package="keras_cnns")
class SSDDetections(DenseDetections):
    """`DenseDetections` whose boxes start from SSD's default boxes, which grow with the picture.

    Args:
      count, scoring, least, threshold, candidates: see `DenseDetections`.
      scales, ratios, steps: see `geometry.default_boxes.default_boxes`.
      box_weights: factors of the four deltas, see `geometry.boxes.encode`.

    Example:
      detect = SSDDetections(200, scales=(0.1, 0.4, 0.9), ratios=((2,), (2, 3)))  # two levels
      objects = detect(scores, deltas, levels, image)
      objects["boxes"]  # [1, 200, 4]
    """

    def __init__(
        self,
        count: int,
        scoring: Scoring = "softmax",
        least: float = 0.01,
        threshold: float = 0.45,
        candidates: int = 400,
        *,
        scales: Sequence[float],
        ratios: Sequence[Sequence[float]],
        steps: Sequence[float] = (),
        box_weights: Sequence[float] = (10.0, 10.0, 5.0, 5.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(count, scoring, least, threshold, candidates, **kwargs)
        self.scales, self.ratios = tuple(scales), tuple(tuple(each) for each in ratios)
        self.steps, self.box_weights = tuple(steps), tuple(box_weights)

    def references(self, levels: Sequence[Tensor], image: Tensor) -> list[Tensor]:
        return default_boxes(levels, image, self.scales, self.ratios, self.steps)

    def decoded(self, deltas: Tensor, references: Tensor) -> Tensor:
        return decode(deltas, references, self.box_weights)

    def get_config(self) -> dict:
        arguments = ("scales", "ratios", "steps", "box_weights")
        return super().get_config() | {name: getattr(self, name) for name in arguments}
