"""Detection in one stage from anchors or default boxes, to which objects are assigned before the loss."""

from abc import abstractmethod

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.geometry.boxes import encode
from keras_cnns.tasks.detection.one_stage.task import OneStage, Target


class AnchorBased(OneStage):
    """Subclasses say how objects are assigned to boxes, and what is minimized for each box."""

    def loss(self, model: keras.Model, image: tf.Tensor, target: Target) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        scores, deltas, levels = self.part([image], training=True)
        references = tf.concat(self.last.references(levels, image), 0)
        matches = tf.map_fn(lambda truth: self.matched(references, truth), target, fn_output_signature=tf.int32)
        losses = self.losses(tf.cast(scores, tf.float32), tf.cast(deltas, tf.float32), references, matches, target)
        total = tf.add_n(losses)
        return total, dict(zip(self.logged, (total, *losses), strict=True))

    @abstractmethod
    def matched(self, references: tf.Tensor, truth: Target) -> tf.Tensor:
        """For each of the boxes [N, 4], the index of the annotated box of one picture: see `matching.match`."""

    @abstractmethod
    def losses(
        self, scores: tf.Tensor, deltas: tf.Tensor, references: tf.Tensor, matches: tf.Tensor, target: Target
    ) -> tuple[tf.Tensor, ...]:
        """Each loss that is logged, float32 [batch].

        Args:
          scores: logits [batch, N, K]. deltas: [batch, N, 4].
          references: the boxes [N, 4] that the deltas refer to.
          matches: int32 [batch, N], see `matched`.
        """

    def target_deltas(
        self, matches: tf.Tensor, references: tf.Tensor, target: Target, weights: tuple[float, ...] = (1.0,) * 4
    ) -> tf.Tensor:
        """The deltas [batch, N, 4] that would give the annotated boxes; of any box where there is none."""
        boxes = tf.gather(target["boxes"], tf.maximum(matches, 0), batch_dims=1)
        references = tf.broadcast_to(references, tf.shape(boxes))
        boxes = tf.where((matches >= 0)[..., None], boxes, references)  # padding has no logarithm
        return encode(boxes, references, weights)

    def anchors(self) -> np.ndarray | None:
        *_, levels = self.part.output
        maps = [tf.zeros((1, *x.shape[1:3], 1)) for x in levels]
        return np.concatenate(self.last.references(maps, tf.zeros((1, *self.recipe.input_shape))))


def per_object(losses: tf.Tensor, positive: tf.Tensor) -> tf.Tensor:
    """The sum of [batch, N] over the boxes, divided by the number of those that have an object, at least 1: [batch]."""
    return tf.reduce_sum(losses, 1) / tf.maximum(tf.reduce_sum(tf.cast(positive, tf.float32), 1), 1.0)
