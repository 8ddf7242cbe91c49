"""From class scores and refined boxes of proposals to what is found. Girshick 2015, 1504.08083, sections 2.1 and 3."""

import keras
from keras import ops

from keras_cnns.geometry.boxes import clip, decode
from keras_cnns.geometry.nms import nms
from keras_cnns.layers.proposals import SMALLEST


@keras.saving.register_keras_serializable(package="keras_cnns")
class Detections(keras.layers.Layer):
    """From the scores and boxes of proposals to the objects of a picture.

    Takes (scores [B, P, 1 + classes] as logits, the background first; deltas [B, P, 4 classes]; proposals [B, P, 4];
    image). Returns a dict of boxes [B, count, 4] in pixels, classes int32 [B, count] and scores [B, count], best first.
    Each class refines each proposal in its own way and is suppressed by itself. Where fewer objects are found, the
    score is 0, the class -1 and the box zeros.

    count: objects of a picture at most. box_weights: of the deltas, see `geometry.boxes.encode`. least: the smallest
    score of an object. threshold: of the overlap, for suppression. before: how many of the best boxes go into it.
    """

    def __init__(self, count, box_weights=(10.0, 10.0, 5.0, 5.0), least=0.05, threshold=0.3, before=1000, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.count, self.box_weights, self.least = count, tuple(box_weights), least
        self.threshold, self.before = threshold, before

    def call(self, scores, deltas, proposals, image):
        batch, regions = ops.shape(proposals)[:2]
        classes = scores.shape[-1] - 1
        scores = ops.softmax(ops.cast(scores, "float32"))[..., 1:]
        deltas = ops.reshape(ops.cast(deltas, "float32"), (batch, regions, classes, 4))
        boxes = clip(decode(deltas, proposals[:, :, None], self.box_weights), *ops.shape(image)[1:3])
        there = ops.all(proposals[..., 2:] > proposals[..., :2], axis=-1)[..., None]
        there = ops.logical_and(there, ops.all(boxes[..., 2:] - boxes[..., :2] >= SMALLEST, axis=-1))
        scores = ops.where(ops.logical_and(there, scores >= self.least), scores, float("-inf"))
        boxes, scores = (ops.reshape(x, (batch, regions * classes, *x.shape[3:])) for x in (boxes, scores))
        number = ops.zeros((batch, regions, 1), "int32") + ops.arange(classes, dtype="int32")
        number = ops.reshape(number, (batch, regions * classes))
        if not isinstance(regions, int) or regions == 0:  # one that is none, so that there is always a box to look at
            boxes = ops.pad(boxes, ((0, 0), (0, 1), (0, 0)))
            scores = ops.pad(scores, ((0, 0), (0, 1)), constant_values=float("-inf"))
            number = ops.pad(number, ((0, 0), (0, 1)))
        chosen, kept = nms(
            boxes, scores, classes=number, count=self.count, before=self.before, threshold=self.threshold
        )
        boxes = ops.take_along_axis(boxes, chosen[..., None], axis=1)
        return {
            "boxes": ops.where(kept[..., None], boxes, ops.zeros_like(boxes)),
            "classes": ops.where(kept, ops.take_along_axis(number, chosen, axis=1), -1),
            "scores": ops.where(kept, ops.take_along_axis(scores, chosen, axis=1), 0.0),
        }

    def compute_output_spec(self, scores, deltas, proposals, image):
        shape = (scores.shape[0], self.count)
        return {
            "boxes": keras.KerasTensor((*shape, 4), "float32"),
            "classes": keras.KerasTensor(shape, "int32"),
            "scores": keras.KerasTensor(shape, "float32"),
        }

    def get_config(self):
        own = ("count", "box_weights", "least", "threshold", "before")
        return super().get_config() | {name: getattr(self, name) for name in own}
