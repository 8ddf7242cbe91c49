"""Detection in two stages: proposals and heads trained together. Ren et al. 2015, 1506.01497.

Both parts have Fast R-CNN's loss (1504.08083, equation 1): of the classes, and of the boxes of positive samples. A
network that takes proposals as an input (Fast R-CNN) trains its heads only; in evaluation it gets the annotated boxes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.blocks.dense_heads import DETECTIONS
from keras_cnns.geometry.boxes import encode
from keras_cnns.models.fast_rcnn import WEIGHTS, parts
from keras_cnns.registry.registry import entry
from keras_cnns.support.types import Recipe
from keras_cnns.tasks.base.losses import smooth_l1
from keras_cnns.tasks.detection.matching import IGNORED, match, sample
from keras_cnns.tasks.detection.task import Detection
from keras_cnns.tasks.detection.two_stage import regions
from keras_cnns.tasks.detection.two_stage.suppression import suppress

ANCHORS, REGIONS = 256, 128  # regions of each picture that are trained on
PROPOSALS = 4  # proposals in training / proposals in inference; the paper has 2,000 and 300
BETA = 1 / 9  # of smooth L1 on the anchors' deltas, as in the authors' code


class TwoStage(Detection):
    """Proposals and heads trained together; heads only, if the network takes proposals as an input."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.proposes = entry(recipe.model).head.proposes
        anchors = ("anchor_loss", "anchor_box_loss") if self.proposes else ()
        self.logged = ("loss", *anchors, "class_loss", "box_loss")

    def network_for_training(self, classes: int) -> keras.Model:
        model = super().network_for_training(classes)
        self.attach(model)
        return model

    def attach(self, model: keras.Model) -> None:
        self.parts, self.propose = parts(model), model.get_layer("proposals")  # or the input of that name
        self.detections = model.get_layer(DETECTIONS).count

    def loss(
        self, model: keras.Model, image: tf.Tensor, target: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        first, heads = self.parts
        if not self.proposes:
            level = first(image, training=True)
            return self._summed(self._losses_of_heads(heads, level, self._drawn_regions(image, target), target))
        level, objectness, deltas = first(image, training=True)
        losses = self._proposal_losses(objectness, deltas, target)
        proposals = self._proposals(objectness, deltas, image)
        return self._summed([*losses, *self._losses_of_heads(heads, level, proposals, target)])

    def _summed(self, losses: Sequence[tf.Tensor]) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        total = tf.add_n(losses)
        return total, dict(zip(self.logged, (total, *losses), strict=True))

    def _losses_of_heads(
        self, heads: keras.Model, level: tf.Tensor, proposed: tuple[tf.Tensor, tf.Tensor], target: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        regions = self._regions(*proposed, target)
        scores, deltas = heads([level, regions.boxes], training=True)
        return _head_losses(scores, deltas, regions, target)

    def _proposal_losses(
        self, objectness: tf.Tensor, deltas: tf.Tensor, target: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        anchors = self.propose.anchors(objectness)

        def choose(truth: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            options = {"low": 0.3, "high": 0.7, "force": True, "ignored": truth["ignored"]}
            matches = match(anchors, truth["boxes"], truth["count"], **options)
            return matches, sample(matches, count=ANCHORS, positives=0.5, seed=self._seed(truth["number"], 0))

        matches, chosen = tf.map_fn(choose, target, fn_output_signature=(tf.int32, tf.bool))
        batch = tf.shape(matches)[0]
        logits = tf.concat([tf.reshape(x, [batch, -1]) for x in tf.nest.flatten(objectness)], 1)
        deltas = tf.concat([tf.reshape(x, [batch, -1, 4]) for x in tf.nest.flatten(deltas)], 1)
        logits, deltas = tf.cast(logits, tf.float32), tf.cast(deltas, tf.float32)
        right = tf.cast(matches >= 0, tf.float32)
        boxes = tf.gather(target["boxes"], tf.maximum(matches, 0), batch_dims=1)
        expected = encode(boxes, tf.broadcast_to(anchors, tf.shape(boxes)))
        by_class = tf.nn.sigmoid_cross_entropy_with_logits(right, logits)
        by_box = tf.reduce_sum(smooth_l1(deltas - expected, BETA), -1)
        return _means(chosen, by_class, chosen & (matches >= 0), by_box)

    def _proposals(self, objectness: tf.Tensor, deltas: tf.Tensor, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The proposals of the network: (boxes [B, P, 4], bool [B, P]: False for padding)."""
        count = min(PROPOSALS * self.propose.count, self.propose.before)
        objectness, deltas = tf.nest.map_structure(tf.stop_gradient, (objectness, deltas))
        return self.propose.propose(objectness, deltas, image, count=count, suppress=suppress)

    def _drawn_regions(self, image: tf.Tensor, target: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Drawn proposals for a network that takes proposals as an input: boxes around the objects and beside them."""

        def draw(truth: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            return regions.proposed(
                truth["boxes"], truth["count"], tf.shape(image)[1:3], self._seed(truth["number"], 0)
            )

        return tf.map_fn(draw, target, fn_output_signature=(tf.float32, tf.bool))

    def _regions(self, boxes: tf.Tensor, there: tf.Tensor, target: dict[str, tf.Tensor]) -> "Regions":
        """The regions to train on, drawn from the proposals and the annotated boxes themselves."""
        most = target["boxes"].shape[1]
        boxes = tf.concat([boxes, target["boxes"]], 1)
        there = tf.concat([there, tf.range(most)[None] < target["count"][:, None]], 1)

        def choose(
            picture: tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]],
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            boxes, there, truth = picture
            options = {"low": 0.5, "high": 0.5, "ignored": truth["ignored"]}
            matches = match(boxes, truth["boxes"], truth["count"], **options)
            matches = tf.where(there, matches, IGNORED)
            chosen = sample(matches, count=REGIONS, positives=0.25, seed=self._seed(truth["number"], 1))
            _, numbers = tf.math.top_k(tf.cast(chosen, tf.int32), min(REGIONS, boxes.shape[0]))
            return tf.gather(boxes, numbers), tf.gather(matches, numbers), tf.gather(chosen, numbers)

        return Regions(*tf.map_fn(choose, (boxes, there, target), fn_output_signature=(tf.float32, tf.int32, tf.bool)))

    def _seed(self, number: tf.Tensor, part: int) -> tf.Tensor:
        """The seed of `sample`: it depends on the run, the sample and the part."""
        return tf.stack([tf.cast(self.recipe.seed * 2 + part, tf.int64), number])

    def count(
        self, model: keras.Model, image: tf.Tensor, target: dict[str, tf.Tensor], weight: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        detected = model(image if self.proposes else [image, target["boxes"]], training=False)
        return self._placed(detected, target, weight)

    def anchors(self) -> np.ndarray | None:
        if not self.proposes:
            return None
        maps = tf.nest.map_structure(lambda x: tf.zeros((1, *x.shape[1:])), self.parts[0].output[1])
        return np.asarray(self.propose.anchors(maps))


class Regions(NamedTuple):
    """The regions of a batch that the heads are trained on.

    Attributes:
      boxes: [B, R, 4].
      matches: int32 [B, R], the index of the annotated box of each region, or BACKGROUND.
      chosen: bool [B, R], whether the region is trained on.
    """

    boxes: tf.Tensor
    matches: tf.Tensor
    chosen: tf.Tensor


def _head_losses(
    scores: tf.Tensor, deltas: tf.Tensor, regions: Regions, target: dict[str, tf.Tensor]
) -> tuple[tf.Tensor, tf.Tensor]:
    """The losses of the classes and of the boxes, float32 [B] each.

    scores: logits [B, R, 1 + classes]. deltas: [B, R, 4 * classes].
    """
    classes = scores.shape[-1] - 1
    number = tf.maximum(regions.matches, 0)
    label = tf.gather(target["classes"], number, batch_dims=1)
    positive = regions.matches >= 0
    by_class = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.where(positive, label + 1, 0), scores)
    deltas = tf.reshape(deltas, [-1, tf.shape(label)[1], classes, 4])
    deltas = tf.gather(deltas, label, batch_dims=2)
    expected = encode(tf.gather(target["boxes"], number, batch_dims=1), regions.boxes, WEIGHTS)
    by_box = tf.reduce_sum(smooth_l1(deltas - expected), -1)
    return _means(regions.chosen, by_class, regions.chosen & positive, by_box)


def _means(
    chosen: tf.Tensor, by_class: tf.Tensor, positive: tf.Tensor, by_box: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Both losses of each picture, divided by the number of chosen references; 0 if there are none."""
    count = tf.maximum(tf.reduce_sum(tf.cast(chosen, tf.float32), 1), 1.0)
    return tuple(
        tf.reduce_sum(tf.where(where, values, 0.0), 1) / count
        for where, values in ((chosen, by_class), (positive, by_box))
    )
