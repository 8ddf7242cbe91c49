"""Segmentation: a class for every pixel."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.data.sources.sample import VOID
from keras_cnns.support import plots
from keras_cnns.tasks.base.losses import LOSSES
from keras_cnns.tasks.base.task import Finding, Task
from keras_cnns.tasks.segmentation import pixels


class Segmentation(Task):
    """The task of segmenters. A target is a mask, int32 [B, H, W], VOID where a pixel belongs to no class.

    The network under training returns logits [B, H, W, classes].

    >>> task = keras_cnns.tasks.of(find_recipe("small_segmenter"))
    >>> task.target, task.score
    ('mask', 'mean_iou')
    """

    target = "mask"
    unused = ("label_smoothing", "class_weights", "sizes", "auxiliary_weight")
    logged = ("loss", "pixel_accuracy")
    held_out = ("mean_iou", "pixel_accuracy")
    score = "mean_iou"

    def finish(self, classes: int) -> None:
        return None

    def loss(self, model: keras.Model, image: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """The mean over the pixels that belong to a class."""
        logits = tf.cast(model(image, training=True), tf.float32)
        real = target != VOID
        share = tf.cast(real, tf.float32)
        share /= tf.maximum(tf.reduce_sum(share, (1, 2), keepdims=True), 1.0)
        onehot = tf.one_hot(tf.where(real, target, 0), logits.shape[-1])
        correct = tf.cast(tf.argmax(logits, -1, tf.int32) == target, tf.float32)
        losses = tf.reduce_sum(LOSSES[self.recipe.loss](onehot, logits) * share, (1, 2))
        return losses, {"loss": losses, "pixel_accuracy": tf.reduce_sum(correct * share, (1, 2))}

    def count(
        self, model: keras.Model, image: tf.Tensor, target: tf.Tensor, weight: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        return (pixels.tally(model(image, training=False), target, weight),)

    def zeros(self, names: Sequence) -> tuple[tf.Tensor, ...]:
        return (tf.zeros([len(names), len(names)], tf.float64),)

    def measure(self, counts: Sequence, names: Sequence) -> dict[str, Any]:
        return pixels.report(counts[0], names)

    def survey(self, targets: Sequence, names: Sequence) -> Iterator[Finding]:
        masks = np.concatenate([np.asarray(mask) for mask in targets])
        pixels_of = np.bincount(masks.ravel(), minlength=256)
        known = pixels_of[: len(names)]
        empty = float((masks.reshape(len(masks), -1) == 0).all(1).mean())
        yield "pictures of the background alone", f"{empty:.0%} of {len(masks)}", empty <= 0.5
        void = pixels_of[VOID] / masks.size
        yield "void", f"{void:.1%} of the pixels", void <= 0.5
        unseen = [str(name) for name, count in zip(names, known, strict=True) if not count]
        shares = ", ".join(f"{name} {count / masks.size:.1%}" for name, count in zip(names, known, strict=True))
        yield "classes", f"never seen: {', '.join(unseen)}" if unseen else shares, not unseen

    def draw(self, metrics: dict[str, Any], names: Sequence, folder: Path, title: str) -> None:
        plots.confusion(metrics["confusion"], names, folder / "confusion.png", title)
