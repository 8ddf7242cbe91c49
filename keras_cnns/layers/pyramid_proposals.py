"""Proposals from every level of a feature pyramid. Lin et al. 2016, "Feature Pyramid Networks", 1612.03144, 4.1."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from keras_cnns.geometry.anchors import pyramid_anchors
from keras_cnns.geometry.boxes import clip, decode
from keras_cnns.geometry.nms import kept_boxes, nms
from keras_cnns.layers.proposals import SMALLEST
from keras_cnns.support.types import Tensor


@keras.saving.register_keras_serializable(package="keras_cnns")
class PyramidProposals(keras.layers.Layer):
    """The best boxes of a region proposal network on a feature pyramid, after non-maximum suppression.

    Each level has one scale of anchors. Suppression runs on each level separately.

    Inputs:
      objectness: a list of logits [batch, h, w, k], one for each level, the largest first.
      deltas: a list of [batch, h, w, 4 * k], see `geometry.boxes.encode`.
      image: [batch, height, width, channels]; only its size is read.

    Returns:
      boxes float32 [batch, count, 4], (x1, y1, x2, y2) in pixels, clipped to the picture, best first. Where suppression
      leaves fewer than `count`, the remaining boxes are zeros.

    Args:
      stride: pixels between neighbouring positions of the first level. Other strides follow from the levels' sizes.
      scales: one for each level, the square root of an anchor's area in pixels.
      ratios: height / width of the anchors.
      count: number of proposals.
      before: number of best-scored boxes of each level that enter suppression.
      threshold: of two boxes whose intersection over union is larger, only the better one stays.
      offset: where the anchors of a position are centred, as a fraction of the stride.
      rounded: whether the corners of the anchors are rounded to whole pixels, as in torchvision.

    Example:
      propose = PyramidProposals(4, (32, 64, 128, 256, 512), (0.5, 1, 2), 1000, 1000)
      boxes = propose(objectness, deltas, image)  # [1, 1000, 4]
    """

    def __init__(
        self,
        stride: int,
        scales: Sequence[float],
        ratios: Sequence[float],
        count: int,
        before: int,
        threshold: float = 0.7,
        offset: float = 0.5,
        rounded: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.stride, self.scales, self.ratios = stride, tuple(scales), tuple(ratios)
        self.count, self.before, self.threshold = count, before, threshold
        self.offset, self.rounded = offset, rounded

    def call(self, objectness: Sequence[Tensor], deltas: Sequence[Tensor], image: Tensor) -> Tensor:
        return self.propose(objectness, deltas, image)[0]

    def anchors(self, levels: Sequence[Tensor]) -> Tensor:
        """[sum of h * w * k, 4]: the anchors of feature maps [batch, h, w, ...], level by level."""
        return ops.concatenate(self._anchors(levels), axis=0)

    def _anchors(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """For each level, its anchors [h * w * k, 4]."""
        scales = [(scale,) for scale in self.scales]
        return pyramid_anchors(levels, self.stride, scales, self.ratios, offset=self.offset, rounded=self.rounded)

    def propose(
        self,
        objectness: Sequence[Tensor],
        deltas: Sequence[Tensor],
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
        batch, (height, width) = ops.shape(image)[0], ops.shape(image)[1:3]
        all_boxes, all_scores, all_levels = [], [], []
        for number, (scores, level_deltas, level_anchors) in enumerate(
            zip(objectness, deltas, self._anchors(objectness), strict=True)
        ):
            scores = ops.cast(ops.reshape(scores, (batch, -1)), "float32")
            level_deltas = ops.cast(ops.reshape(level_deltas, (batch, -1, 4)), "float32")
            available = ops.shape(scores)[1]
            best = before or self.before
            best = min(best, available) if isinstance(available, int) else ops.minimum(best, available)
            scores, chosen = ops.top_k(scores, best)
            level_deltas = ops.take_along_axis(level_deltas, chosen[..., None], axis=1)
            boxes = clip(decode(level_deltas, ops.take(level_anchors, chosen, axis=0)), height, width)
            large_enough = ops.all(boxes[..., 2:] - boxes[..., :2] >= SMALLEST, axis=-1)
            all_boxes.append(boxes)
            all_scores.append(ops.where(large_enough, scores, float("-inf")))
            all_levels.append(ops.full_like(chosen, number))
        boxes, scores = ops.concatenate(all_boxes, axis=1), ops.concatenate(all_scores, axis=1)
        levels = ops.cast(ops.concatenate(all_levels, axis=1), "int32")
        numbers, kept = suppress(boxes, scores, count=count or self.count, threshold=self.threshold, classes=levels)
        return kept_boxes(boxes, numbers, kept), kept

    def compute_output_spec(self, objectness: Sequence[Tensor], deltas: Sequence[Tensor], image: Tensor) -> Any:
        return keras.KerasTensor((image.shape[0], self.count, 4), "float32")

    def get_config(self) -> dict:
        arguments = ("stride", "scales", "ratios", "count", "before", "threshold", "offset", "rounded")
        return super().get_config() | {name: getattr(self, name) for name in arguments}
