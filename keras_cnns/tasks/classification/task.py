"""Classification: one label for each picture."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.data import classes
from keras_cnns.data.batches import Data
from keras_cnns.support import plots
from keras_cnns.tasks.base.losses import LOSSES
from keras_cnns.tasks.base.task import Finding, Task
from keras_cnns.tasks.classification.measures import probabilities, report, tally


class Classification(Task):
    """The task of classifiers. A target is a label, int64 [B], or mixed labels, float32 [B, classes].

    The network under training returns logits [B, classes]; further outputs are auxiliary classifiers.

    >>> task = keras_cnns.tasks.of(find_recipe("lenet5_digits"))
    >>> task.load("train", batch_size=32).steps
    44
    """

    logged = ("loss", "accuracy")
    held_out = ("loss", "accuracy")
    score = "accuracy"
    class_weights = None  # float32 [classes], where the recipe asks for them

    def prepare(self, training: Data) -> dict[str, Any]:
        if self.recipe.class_weights == "none":
            return {}
        self.class_weights = classes.balanced(classes.count(training.source))
        weights = zip(map(str, training.names), self.class_weights.tolist(), strict=True)
        return {"class_weights": {name: round(weight, 6) for name, weight in weights}}

    def loss(self, model: keras.Model, image: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        outputs = [tf.cast(o, tf.float32) for o in tf.nest.flatten(model(image, training=True))]
        onehot = probabilities(target, outputs[0].shape[-1], self.recipe.label_smoothing)
        losses = [LOSSES[self.recipe.loss](onehot, output) for output in outputs]
        correct = tf.cast(tf.argmax(outputs[0], -1) == tf.argmax(onehot, -1), tf.float32)
        total = losses[0] + self.recipe.auxiliary_weight * tf.add_n(losses[1:]) if losses[1:] else losses[0]
        if self.class_weights is not None:  # the logged loss has no weights, like the held-out loss
            total *= tf.linalg.matvec(probabilities(target, outputs[0].shape[-1]), self.class_weights)
        return total, {"loss": losses[0], "accuracy": correct}

    def count(
        self, model: keras.Model, image: tf.Tensor, target: tf.Tensor, weight: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        logits = tf.nest.flatten(model(image, training=False))[0]
        return tally(tf.nn.softmax(tf.cast(logits, tf.float32)), target, weight)

    def zeros(self, names: Sequence) -> tuple[tf.Tensor, ...]:
        return tf.zeros([len(names), len(names)]), tf.zeros([2], tf.float64)

    def measure(self, counts: Sequence, names: Sequence) -> dict[str, Any]:
        return report(counts, names)

    def survey(self, targets: Sequence, names: Sequence) -> Iterator[Finding]:
        labels = np.concatenate([np.asarray(label) for label in targets])
        unseen = [str(name) for number, name in enumerate(names) if not (labels == number).any()]
        undecided = len(names) * 5 > len(labels)  # too few pictures to expect every class
        missing = f"never seen in {len(labels)} pictures: {', '.join(unseen[:5])}"
        yield "classes", missing if unseen else f"all {len(names)} are there", not unseen or undecided

    def draw(self, metrics: dict[str, Any], names: Sequence, folder: Path, title: str) -> None:
        plots.confusion(metrics["confusion"], names, folder / "confusion.png", title)
