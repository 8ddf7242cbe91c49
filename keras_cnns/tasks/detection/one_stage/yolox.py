"""Training of YOLOX: SimOTA, and losses of classes, boxes and objectness. Ge et al. 2021, 2107.08430, section 2.

Unlike the authors' code, the losses of a picture are divided by its own number of positions with an object, and not by
that of the batch, so that a picture's loss does not depend on the others. It counts as `MOST` where there are fewer.
The authors' L1 loss of the last epochs is left out.
"""

import tensorflow as tf

from keras_cnns.geometry.boxes import area, intersection
from keras_cnns.tasks.detection.matching import IGNORED
from keras_cnns.tasks.detection.one_stage.simota import MOST, Predictions, assign
from keras_cnns.tasks.detection.one_stage.task import OneStage, Target

BOX_WEIGHT = 5.0


class YOLOX(OneStage):
    """The loss of the boxes is 1 - IoU^2; classes and objectness have binary cross entropies.

    The target of an object's class is the overlap of the predicted box with the object.
    """

    logged = ("loss", "class_loss", "box_loss", "objectness_loss")

    def loss(self, model: object, image: tf.Tensor, target: Target) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        (scores, objectness), deltas, levels = self.part([image], training=True)
        scores, deltas, objectness = (tf.cast(x, tf.float32) for x in (scores, deltas, objectness[..., 0]))
        references = tf.concat(self.last.references(levels, image), 0)
        boxes = self.last.decoded(deltas, references)
        matches, overlaps = assigned(boxes, scores, objectness, references, target)
        positive = matches >= 0
        labels = tf.one_hot(self.labels(matches, target), scores.shape[-1]) * overlaps[..., None]
        by_class = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(labels, scores), -1)
        objects = tf.gather(target["boxes"], tf.maximum(matches, 0), batch_dims=1)
        by_box = BOX_WEIGHT * (1.0 - overlap_of_pairs(boxes, objects) ** 2)
        by_object = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(positive, tf.float32), objectness)
        count = tf.maximum(tf.reduce_sum(tf.cast(positive, tf.float32), 1), float(MOST))
        where = ((positive, by_class), (positive, by_box), (matches != IGNORED, by_object))
        losses = [tf.reduce_sum(tf.where(chosen, values, 0.0), 1) / count for chosen, values in where]
        total = tf.add_n(losses)
        return total, dict(zip(self.logged, (total, *losses), strict=True))


def assigned(
    boxes: tf.Tensor, scores: tf.Tensor, objectness: tf.Tensor, references: tf.Tensor, target: Target
) -> tuple[tf.Tensor, tf.Tensor]:
    """`simota.assign` for each picture: int32 [batch, N] and float32 [batch, N], without a gradient."""
    half = (references[:, 2:] - references[:, :2]) / 2  # references are centred on the corner of their position
    cells = references + tf.concat([half, half], 1)

    def choose(picture: tuple) -> tuple[tf.Tensor, tf.Tensor]:
        boxes, scores, objectness, truth = picture
        known = (truth["boxes"], truth["classes"], truth["count"])
        return assign(Predictions(boxes, scores, objectness, cells), *known, ignored=truth["ignored"])

    detached = tf.nest.map_structure(tf.stop_gradient, (boxes, scores, objectness))
    return tf.map_fn(choose, (*detached, target), fn_output_signature=(tf.int32, tf.float32))


def overlap_of_pairs(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Intersection over union of boxes [..., 4] with those at the same place in `b`: [...]."""
    both = intersection(a, b)
    return both / tf.maximum(area(a) + area(b) - both, 1e-9)
