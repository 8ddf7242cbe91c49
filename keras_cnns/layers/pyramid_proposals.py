"""Proposals from every level of a feature pyramid. Lin et al. 2016, "Feature Pyramid Networks", 1612.03144, 4.1."""

import keras
from keras import ops

from keras_cnns.geometry.anchors import anchors
from keras_cnns.geometry.boxes import clip, decode
from keras_cnns.geometry.nms import nms
from keras_cnns.layers.proposals import SMALLEST


@keras.saving.register_keras_serializable(package="keras_cnns")
class PyramidProposals(keras.layers.Layer):
    """(objectness: a list of [B, h, w, k], logits; deltas: of [B, h, w, 4 k]; image [B, H, W, C]) -> boxes
    [B, count, 4] in pixels, clipped to the picture, best first; where suppression leaves fewer, the rest are zeros.

    Each level has one scale of anchors and is suppressed by itself.

    stride: pixels from one position of the first level to the next; of the others as their sizes say. scales: of the
    levels' anchors. ratios: see `blocks.anchors`. before: so many of a level's best boxes go into suppression.
    threshold: of the overlap there. offset: where in its stride a group of anchors is centred. rounded: the anchors'
    corners are whole pixels.
    """

    def __init__(self, stride, scales, ratios, count, before, threshold=0.7, offset=0.5, rounded=False, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.stride, self.scales, self.ratios = stride, tuple(scales), tuple(ratios)
        self.count, self.before, self.threshold = count, before, threshold
        self.offset, self.rounded = offset, rounded

    def call(self, objectness, deltas, image):
        return self.propose(objectness, deltas, image)[0]

    def anchors(self, levels):
        """[the sum of h * w * k, 4], the anchors of maps [B, h, w, ...], level by level."""
        return ops.concatenate(self._anchors(levels), axis=0)

    def _anchors(self, levels):
        whole = [n * self.stride for n in ops.shape(levels[0])[1:3]]
        found = []
        for level, scale in zip(levels, self.scales, strict=True):
            sizes = ops.shape(level)[1:3]
            steps = [n // size for n, size in zip(whole, sizes, strict=True)]
            options = {"offset": self.offset, "rounded": self.rounded}
            found.append(anchors(*sizes, steps, (scale,), self.ratios, **options))
        return found

    def propose(self, objectness, deltas, image, *, count=None, before=None, suppress=nms):
        """(boxes [B, count, 4], bool [B, count]: whether there is one), for other numbers than inference's.

        suppress: what computes as `blocks.nms.nms` does.
        """
        batch, (height, width) = ops.shape(image)[0], ops.shape(image)[1:3]
        all_boxes, all_scores, all_levels = [], [], []
        for number, (scores, moved, around) in enumerate(
            zip(objectness, deltas, self._anchors(objectness), strict=True)
        ):
            scores = ops.cast(ops.reshape(scores, (batch, -1)), "float32")
            moved = ops.cast(ops.reshape(moved, (batch, -1, 4)), "float32")
            there = ops.shape(scores)[1]
            best = before or self.before
            best = min(best, there) if isinstance(there, int) else ops.minimum(best, there)
            scores, chosen = ops.top_k(scores, best)
            moved = ops.take_along_axis(moved, chosen[..., None], axis=1)
            boxes = clip(decode(moved, ops.take(around, chosen, axis=0)), height, width)
            long = ops.all(boxes[..., 2:] - boxes[..., :2] >= SMALLEST, axis=-1)
            all_boxes.append(boxes)
            all_scores.append(ops.where(long, scores, float("-inf")))
            all_levels.append(ops.full_like(chosen, number))
        boxes, scores = ops.concatenate(all_boxes, axis=1), ops.concatenate(all_scores, axis=1)
        levels = ops.cast(ops.concatenate(all_levels, axis=1), "int32")
        numbers, kept = suppress(boxes, scores, count=count or self.count, threshold=self.threshold, classes=levels)
        boxes = ops.take_along_axis(boxes, numbers[..., None], axis=1)
        return ops.where(kept[..., None], boxes, ops.zeros_like(boxes)), kept

    def compute_output_spec(self, objectness, deltas, image):
        return keras.KerasTensor((image.shape[0], self.count, 4), "float32")

    def get_config(self):
        own = ("stride", "scales", "ratios", "count", "before", "threshold", "offset", "rounded")
        return super().get_config() | {name: getattr(self, name) for name in own}
