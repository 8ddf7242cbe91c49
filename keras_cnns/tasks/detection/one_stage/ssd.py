"""SSD's matching and loss. Liu et al. 2015, 1512.02325, section 2.2."""

import numpy as np
import tensorflow as tf

from keras_cnns.geometry.boxes import iou
from keras_cnns.tasks.base.losses import smooth_l1
from keras_cnns.tasks.detection.matching import BACKGROUND, match
from keras_cnns.tasks.detection.one_stage.anchor_based import AnchorBased, per_object
from keras_cnns.tasks.detection.one_stage.task import Target

OVERLAP = 0.5  # with an object, from which on a default box is assigned to it
NEGATIVES = 3  # times as many background boxes as those with an object, the ones with the largest loss


class SSD(AnchorBased):
    """Softmax cross entropy with hard negatives, and smooth L1."""

    def suggested_scales(self, small: float, large: float, count: int) -> np.ndarray:
        """Fractions of the picture, one for each level and one more."""
        side = (self.recipe.input_shape[0] * self.recipe.input_shape[1]) ** 0.5
        return (np.geomspace(small, large, len(self.last.scales)) / side).round(2)

    def matched(self, references: tf.Tensor, truth: Target) -> tf.Tensor:
        return match_default_boxes(references, truth["boxes"], truth["count"], truth["ignored"])

    def losses(
        self, scores: tf.Tensor, deltas: tf.Tensor, references: tf.Tensor, matches: tf.Tensor, target: Target
    ) -> tuple[tf.Tensor, ...]:
        positive = matches >= 0
        labels = tf.where(positive, self.labels(matches, target) + 1, 0)
        by_class = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)
        chosen = positive | hard_negatives(by_class, matches)
        expected = self.target_deltas(matches, references, target, self.last.box_weights)
        by_box = tf.reduce_sum(smooth_l1(deltas - expected), -1)
        return (
            per_object(tf.where(chosen, by_class, 0.0), positive),
            per_object(tf.where(positive, by_box, 0.0), positive),
        )


def match_default_boxes(
    references: tf.Tensor, boxes: tf.Tensor, count: tf.Tensor | int, ignored: tf.Tensor
) -> tf.Tensor:
    """The index of the object that each default box is assigned to, as `matching.match` returns it: int32 [N].

    A default box is assigned to the object that it overlaps most, if by OVERLAP or more. Besides, each object gets the
    default box that overlaps it most; where that is the same for two objects, the later one gets it.
    """
    matches = match(references, boxes, count, low=OVERLAP, high=OVERLAP, ignored=ignored)
    total, size = tf.shape(boxes)[0], tf.shape(references)[0]
    used = (tf.range(total) < count) & ~ignored
    overlap = tf.where(used[None], iou(references, boxes), 0.0)
    best = tf.argmax(overlap, 0, output_type=tf.int32)
    used &= tf.reduce_max(overlap, 0) > 0
    numbers = tf.where(used, tf.range(total), BACKGROUND)
    forced = tf.tensor_scatter_nd_max(tf.fill([size], BACKGROUND), best[:, None], numbers)
    return tf.where(forced >= 0, forced, matches)


def hard_negatives(losses: tf.Tensor, matches: tf.Tensor) -> tf.Tensor:
    """The background boxes to train on, bool [batch, N]: NEGATIVES for each box with an object, by the largest loss."""
    background = matches == BACKGROUND
    count = NEGATIVES * tf.reduce_sum(tf.cast(matches >= 0, tf.int32), 1, keepdims=True)
    order = tf.argsort(tf.where(background, losses, -1.0), direction="DESCENDING", stable=True)
    rank = tf.argsort(order)
    return background & (rank < count)
