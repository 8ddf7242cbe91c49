"""Trains one part of a two-stage detector: the four steps of Ren et al. 2015, 1506.01497, section 3.2.

The layers that both parts share are trained too, unless the recipe freezes "features"; the other part is not changed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.models.fast_rcnn import parts
from keras_cnns.saving.keras_file import load_model
from keras_cnns.support.types import Recipe
from keras_cnns.tasks.detection.average_precision import overlaps
from keras_cnns.tasks.detection.two_stage.task import TwoStage

OVERLAP = 0.5  # intersection over union at which a proposal counts as finding an object


class Proposals(TwoStage):
    """The region proposal network: steps 1 and 3.

    Its measure is the recall: the fraction of the objects that a proposal overlaps by at least half, higher is better.
    """

    held_out = ("recall",)
    score = "recall"
    learned = "recall"

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.logged = ("loss", "anchor_loss", "anchor_box_loss")

    def network_for_training(self, classes: int) -> keras.Model:
        model = super().network_for_training(classes)
        _freeze_others(model, proposing=True, shared=self.recipe.freeze == "features")
        return model

    def attach(self, model: keras.Model) -> None:
        super().attach(model)
        self.detections = self.propose.count

    def loss(
        self, model: keras.Model, image: tf.Tensor, target: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        _, objectness, deltas = self.parts[0](image, training=True)
        return self._summed(self._proposal_losses(objectness, deltas, target))

    def count(
        self, model: keras.Model, image: tf.Tensor, target: dict[str, tf.Tensor], weight: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        _, objectness, deltas = self.parts[0](image, training=False)
        boxes, there = self.propose.propose(objectness, deltas, image)
        proposals = {"boxes": boxes, "classes": tf.zeros_like(there, tf.int32), "scores": tf.cast(there, tf.float32)}
        return self._placed(proposals, target, weight)

    def measure(self, counts: Sequence, names: Sequence) -> dict[str, Any]:
        boxes, _, scores, true, _, ignored, _, count, _ = (np.asarray(part) for part in counts)
        best = []
        for n, m in enumerate(count.astype(int)):
            objects = true[n][:m][ignored[n][:m] == 0]
            best.append(overlaps(objects, boxes[n][scores[n] > 0]).max(1, initial=0.0))
        covered = np.concatenate(best) >= OVERLAP
        return {"examples": len(best), "recall": float(covered.mean()) if len(covered) else 0.0}

    def draw(self, metrics: dict[str, Any], names: Sequence, folder: Path, title: str) -> None:
        """Draws nothing: the only metric is a single number."""


class Heads(TwoStage):
    """The heads, steps 2 and 4, on the network's own proposals or on those of the model in another file."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self.logged = ("loss", "class_loss", "box_loss")

    def network_for_training(self, classes: int) -> keras.Model:
        model = super().network_for_training(classes)
        _freeze_others(model, proposing=False, shared=self.recipe.freeze == "features")
        self.other = load_model(self.recipe.proposals_of) if self.recipe.proposals_of else None
        return model

    def loss(
        self, model: keras.Model, image: tf.Tensor, target: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        first, heads = self.parts
        level, objectness, deltas = first(image, training=True)
        if self.other is not None:
            _, objectness, deltas = parts(self.other)[0](image, training=False)
        proposals = self._proposals(objectness, deltas, image)
        return self._summed(self._losses_of_heads(heads, level, proposals, target))


def _freeze_others(model: keras.Model, *, proposing: bool, shared: bool) -> None:
    """Freezes the layers of the other part, and those that both share where `shared`."""
    heads = {layer.name for layer in parts(model)[1].layers}
    for layer in model.layers:
        rpn, head = layer.name.startswith("rpn"), layer.name in heads
        if (head if proposing else rpn) or shared and not rpn and not head:
            layer.trainable = False
