"""Turns the outputs of a region proposal network into proposals. Ren et al. 2015, 1506.01497, section 3.3."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from keras_cnns.geometry.anchors import anchors
from keras_cnns.geometry.boxes import clip, decode
from keras_cnns.geometry.nms import kept_boxes, nms
from keras_cnns.support.types import Tensor

SMALLEST = 1e-3  # pixels: a box with a shorter side is discarded


@keras.saving.register_keras_serializable(package="keras_cnns")
class Proposals(keras.layers.Layer):
    """The best boxes of a region proposal network on one feature map, after non-maximum suppression.

    Inputs:
      objectness: logits [batch, h, w, k], for k anchors at each position.
      deltas: [batch, h, w, 4 * k], see `geometry.boxes.encode`.
      image: [batch, height, width, channels]; only its size is read.

    Returns:
      boxes float32 [batch, count, 4], (x1, y1, x2, y2) in pixels, clipped to the picture, best first. Where suppression
      leaves fewer than `count`, the remaining boxes are zeros.

    Args:
      stride: pixels between neighbouring positions of the feature map.
      scales, ratios: of the anchors, see `geometry.anchors.anchors`.
      count: number of proposals.
      before: number of best-scored boxes that enter suppression.
      threshold: of two boxes whose intersection over union is larger, only the better one stays.

    Example:
      boxes = Proposals(16, (128, 256, 512), (0.5, 1, 2), 300, 6000)(objectness, deltas, image)  # [1, 300, 4]
    """

    def __init__(
        self,
        stride: int,
        scales: Sequence[float],
        ratios: Sequence[float],
        count: int,
        before: int,
        threshold: float = 0.7,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.stride, self.scales, self.ratios = stride, tuple(scales), tuple(ratios)
        self.count, self.before, self.threshold = count, before, threshold

    def call(self, objectness: Tensor, deltas: Tensor, image: Tensor) -> Tensor:
        return self.propose(objectness, deltas, image)[0]

    def anchors(self, level: Tensor) -> Tensor:
        """[h * w * k, 4]: the anchors of a feature map [batch, h, w, ...]."""
        height, width = ops.shape(level)[1:3]
        return anchors(height, width, self.stride, self.scales, self.ratios)

    def propose(
        self,
        objectness: Tensor,
        deltas: Tensor,
        image: Tensor,
        *,
        count: int | None = None,
        before: int | None = None,
        suppress: Callable[..., tuple[Tensor, Tensor]] = nms,
    ) -> tuple[Tensor, Tensor]:
        """The proposals for other numbers than those of the layer, as in training.

        Args:
          objectness, deltas, image: as for `call`.
          count, before: replace the layer's arguments of the same name.
          suppress: a function with the arguments and results of `geometry.nms.nms`.

        Returns:
          (boxes [batch, count, 4]; bool [batch, count]: False where there is no proposal and the box is zeros).
        """
        batch, (height, width) = ops.shape(objectness)[0], ops.shape(image)[1:3]
        scores = ops.cast(ops.reshape(objectness, (batch, -1)), "float32")
        deltas = ops.cast(ops.reshape(deltas, (batch, -1, 4)), "float32")
        boxes = clip(decode(deltas, self.anchors(objectness)[None]), height, width)
        sides = boxes[..., 2:] - boxes[..., :2]
        scores = ops.where(ops.all(sides >= SMALLEST, axis=-1), scores, float("-inf"))
        numbers, kept = suppress(
            boxes, scores, count=count or self.count, before=before or self.before, threshold=self.threshold
        )
        return kept_boxes(boxes, numbers, kept), kept

    def compute_output_spec(self, objectness: Tensor, deltas: Tensor, image: Tensor) -> Any:
        return keras.KerasTensor((objectness.shape[0], self.count, 4), "float32")

    def get_config(self) -> dict:
        arguments = ("stride", "scales", "ratios", "count", "before", "threshold")
        return super().get_config() | {name: getattr(self, name) for name in arguments}
