"""The detected objects of a RetinaNet. Lin et al. 2017, "Focal Loss for Dense Object Detection", 1708.02002."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_cnns.geometry.anchors import pyramid_anchors
from keras_cnns.layers.dense_detections import DenseDetections, Scoring
from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable(package="keras_cnns")
class RetinaNetDetections(DenseDetections):
    """`DenseDetections` whose boxes start from the anchors of a feature pyramid, which are sized in pixels.

    Args:
      count, scoring, least, threshold, candidates: see `DenseDetections`.
      stride, scales, ratios, offset, rounded: see `geometry.anchors.pyramid_anchors`.

    Example:
      detect = RetinaNetDetections(100, stride=8, scales=((32, 40, 51), (64, 81, 102)), ratios=(0.5, 1, 2))
      objects = detect(scores, deltas, levels, image)
      objects["boxes"]  # [1, 100, 4]
    """

    def __init__(
        self,
        count: int,
        scoring: Scoring = "sigmoid",
        least: float = 0.05,
        threshold: float = 0.5,
        candidates: int = 1000,
        *,
        stride: int,
        scales: Sequence[Sequence[float]],
        ratios: Sequence[float] = (0.5, 1.0, 2.0),
        offset: float = 0.5,
        rounded: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(count, scoring, least, threshold, candidates, **kwargs)
        self.stride, self.scales = stride, tuple(tuple(each) for each in scales)
        self.ratios, self.offset, self.rounded = tuple(ratios), offset, rounded

    def references(self, levels: Sequence[Tensor], image: Tensor) -> list[Tensor]:
        return pyramid_anchors(levels, self.stride, self.scales, self.ratios, offset=self.offset, rounded=self.rounded)

    def get_config(self) -> dict:
        arguments = ("stride", "scales", "ratios", "offset", "rounded")
        return super().get_config() | {name: getattr(self, name) for name in arguments}
