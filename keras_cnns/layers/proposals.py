"""From the scores and deltas of a region proposal network to its proposals. Ren et al. 2015, 1506.01497."""

import keras
from keras import ops

from keras_cnns.geometry.anchors import anchors
from keras_cnns.geometry.boxes import clip, decode
from keras_cnns.geometry.nms import nms

SMALLEST = 1e-3  # pixels: a proposal whose side is shorter is none


@keras.saving.register_keras_serializable(package="keras_cnns")
class Proposals(keras.layers.Layer):
    """(objectness [B, h, w, k] as logits, deltas [B, h, w, 4 k], image [B, H, W, C]) -> boxes [B, count, 4] in pixels.

    The boxes are clipped to the picture, best first; where suppression leaves fewer, the rest are zeros.

    stride: pixels from one position to the next. scales, ratios: of the anchors, see `blocks.anchors`. before: so many
    of the best boxes go into suppression. threshold: of the overlap there.
    """

    def __init__(self, stride, scales, ratios, count, before, threshold=0.7, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.stride, self.scales, self.ratios = stride, tuple(scales), tuple(ratios)
        self.count, self.before, self.threshold = count, before, threshold

    def call(self, objectness, deltas, image):
        return self.propose(objectness, deltas, image)[0]

    def anchors(self, level):
        """[h * w * k, 4], the anchors of a map [B, h, w, ...]."""
        return anchors(*ops.shape(level)[1:3], self.stride, self.scales, self.ratios)

    def propose(self, objectness, deltas, image, *, count=None, before=None, suppress=nms):
        """(boxes [B, count, 4], bool [B, count]: whether there is one), for other numbers than inference's.

        suppress: what computes as `blocks.nms.nms` does.
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
        boxes = ops.take_along_axis(boxes, numbers[..., None], axis=1)
        return ops.where(kept[..., None], boxes, ops.zeros_like(boxes)), kept

    def compute_output_spec(self, objectness, deltas, image):
        return keras.KerasTensor((objectness.shape[0], self.count, 4), "float32")

    def get_config(self):
        own = ("stride", "scales", "ratios", "count", "before", "threshold")
        return super().get_config() | {name: getattr(self, name) for name in own}
