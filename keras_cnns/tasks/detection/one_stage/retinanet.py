"""RetinaNet's matching and loss. Lin et al. 2017, 1708.02002, sections 3.2 and 4.1."""

import numpy as np
import tensorflow as tf

from keras_cnns.tasks.base.losses import sigmoid_focal, smooth_l1
from keras_cnns.tasks.detection.matching import IGNORED, match
from keras_cnns.tasks.detection.one_stage.anchor_based import AnchorBased, per_object
from keras_cnns.tasks.detection.one_stage.task import Target

LOW, HIGH = 0.4, 0.5  # overlaps: background below the first, an object from the second on, ignored in between
BETA = 1 / 9  # of smooth L1, as in the authors' code


class RetinaNet(AnchorBased):
    """Focal loss of every class at every anchor, and smooth L1."""

    def suggested_scales(self, small: float, large: float, count: int) -> np.ndarray:
        """The smallest side of each level, in pixels."""
        return np.geomspace(small, large, len(self.last.scales)).round()

    def matched(self, references: tf.Tensor, truth: Target) -> tf.Tensor:
        options = {"low": LOW, "high": HIGH, "force": True, "ignored": truth["ignored"]}
        return match(references, truth["boxes"], truth["count"], **options)

    def losses(
        self, scores: tf.Tensor, deltas: tf.Tensor, references: tf.Tensor, matches: tf.Tensor, target: Target
    ) -> tuple[tf.Tensor, ...]:
        positive = matches >= 0
        labels = tf.where(positive, self.labels(matches, target), -1)  # no class for the background
        by_class = tf.reduce_sum(sigmoid_focal(tf.one_hot(labels, scores.shape[-1]), scores), -1)
        by_box = tf.reduce_sum(smooth_l1(deltas - self.target_deltas(matches, references, target), BETA), -1)
        return (
            per_object(tf.where(matches == IGNORED, 0.0, by_class), positive),
            per_object(tf.where(positive, by_box, 0.0), positive),
        )
