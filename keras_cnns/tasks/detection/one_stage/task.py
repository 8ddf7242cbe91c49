"""Detection in one stage: what SSD, RetinaNet and YOLOX share. Subclasses add the loss."""

import keras
import tensorflow as tf

from keras_cnns.blocks.dense_heads import DETECTIONS, trained_part
from keras_cnns.tasks.detection.task import Detection

Target = dict[str, tf.Tensor]


class OneStage(Detection):
    """A detector whose last layer is a `layers.DenseDetections`: scores and deltas of boxes on several levels.

    Attributes:
      part: the network up to the inputs of that layer, see `blocks.dense_heads.trained_part`.
      last: that layer.
    """

    logged: tuple[str, ...] = ("loss", "class_loss", "box_loss")

    def network_for_training(self, classes: int) -> keras.Model:
        model = super().network_for_training(classes)
        self.attach(model)
        return model

    def attach(self, model: keras.Model) -> None:
        self.part, self.last = trained_part(model), model.get_layer(DETECTIONS)
        self.detections = self.last.count

    def labels(self, matches: tf.Tensor, target: Target) -> tf.Tensor:
        """The class of the annotated box that each box is assigned to, int32 [batch, N]; any where there is none."""
        return tf.cast(tf.gather(target["classes"], tf.maximum(matches, 0), batch_dims=1), tf.int32)

    def count(self, model: keras.Model, image: tf.Tensor, target: Target, weight: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return self._placed(model(image, training=False), target, weight)
