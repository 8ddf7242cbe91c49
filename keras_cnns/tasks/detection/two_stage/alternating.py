"""One part of a detector in two stages by itself: the four steps of Ren et al. 2015, 1506.01497, section 3.2.

What both parts share is trained too, unless the recipe freezes its "features"; the other part stays as it is.
"""

import numpy as np
import tensorflow as tf

from keras_cnns.models.fast_rcnn import parts
from keras_cnns.saving.keras_file import load_model
from keras_cnns.tasks.detection.average_precision import overlaps
from keras_cnns.tasks.detection.two_stage.task import TwoStage

OVERLAP = 0.5  # of an object with a proposal: it is found


class Proposals(TwoStage):
    """The network that proposes: steps 1 and 3. Its measure is the share of the objects that a proposal overlaps by at
    least half."""

    held_out = ("recall",)
    score = "recall"
    learned = "recall"

    def __init__(self, recipe):
        super().__init__(recipe)
        self.logged = ("loss", "anchor_loss", "anchor_box_loss")

    def network_for_training(self, classes):
        model = super().network_for_training(classes)
        self.detections = self.propose.count
        _leave(model, proposing=True, shared=self.recipe.freeze == "features")
        return model

    def loss(self, model, image, target):
        _, *anchored = self.parts[0](image, training=True)
        return self._summed(self._proposal_losses(*anchored, target))

    def count(self, model, image, target, weight):
        _, *anchored = self.parts[0](image, training=False)
        boxes, there = self.propose.propose(*anchored, image)
        found = {"boxes": boxes, "classes": tf.zeros_like(there, tf.int32), "scores": tf.cast(there, tf.float32)}
        return self._placed(found, target, weight)

    def measure(self, counts, names):
        boxes, _, scores, true, _, ignored, _, count, _ = (np.asarray(part) for part in counts)
        best = []
        for n, m in enumerate(count.astype(int)):
            there = true[n][:m][ignored[n][:m] == 0]
            best.append(overlaps(there, boxes[n][scores[n] > 0]).max(1, initial=0.0))
        found = np.concatenate(best) >= OVERLAP
        return {"examples": len(best), "recall": float(found.mean()) if len(found) else 0.0}

    def draw(self, metrics, names, folder, title):
        """Nothing: one number has no picture."""


class Heads(TwoStage):
    """What tells and moves proposals, steps 2 and 4: the network's own ones, or those of another file's network."""

    def __init__(self, recipe):
        super().__init__(recipe)
        self.logged = ("loss", "class_loss", "box_loss")

    def network_for_training(self, classes):
        model = super().network_for_training(classes)
        _leave(model, proposing=False, shared=self.recipe.freeze == "features")
        self.other = load_model(self.recipe.proposals_of) if self.recipe.proposals_of else None
        return model

    def loss(self, model, image, target):
        first, heads = self.parts
        level, *anchored = first(image, training=True)
        if self.other is not None:
            _, *anchored = parts(self.other)[0](image, training=False)
        return self._summed(self._losses_of_heads(heads, level, self._proposed(anchored, image, target), target))


def _leave(model, *, proposing, shared):
    """Makes the layers untrainable that the part has not: the other part's, and those of both where `shared`."""
    heads = {layer.name for layer in parts(model)[1].layers}
    for layer in model.layers:
        rpn, head = layer.name.startswith("rpn"), layer.name in heads
        if (head if proposing else rpn) or shared and not rpn and not head:
            layer.trainable = False
