"""Several labels at once: any number of labels for each picture, each with its own sigmoid."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.data.batches import Data
from keras_cnns.support import plots
from keras_cnns.support.errors import BadArgument
from keras_cnns.tasks.base import recipe_model
from keras_cnns.tasks.base.task import Finding, Task
from keras_cnns.tasks.multilabel.measures import measure


class MultiLabel(Task):
    """The task of classifiers with any number of labels for each picture.

    A target is float32 [B, labels] of 0 and 1, or values between them where pictures are mixed; see `data.load`.
    The network under training returns logits [B, labels]; further outputs are auxiliary classifiers. The saved network
    returns probabilities, which do not sum to 1.

    >>> recipe = find_recipe("small_classifier").but(dataset="folder:photos", labels="several")
    >>> keras_cnns.tasks.of(recipe).score
    'mean_average_precision'
    """

    target = "labels"
    unused = ("label_smoothing", "class_weights", "sizes")
    held_out = ("mean_average_precision", "f1", "loss")
    score = "mean_average_precision"
    examples: int
    probabilities = False  # whether the network that `count` measures returns probabilities, like the saved network

    def check(self) -> None:
        super().check()
        if self.recipe.loss not in ("cross_entropy", "focal"):
            raise BadArgument(
                f"loss {self.recipe.loss} is for one label a picture: use cross_entropy or focal, which are binary "
                "for several labels."
            )

    def load(self, split: str, batch_size: int, **more: Any) -> Data:
        data = super().load(split, batch_size, **more)
        if split == "test":
            self.examples = data.count
        return data

    def attach(self, model: Any) -> None:
        super().attach(model)
        self.probabilities = model.layers[-1].get_config().get("activation") == "sigmoid"

    def network(self, classes: int) -> keras.Model:
        return recipe_model.build(self.recipe, classes, "sigmoid")

    def loss(self, model: keras.Model, image: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """The mean over the labels of binary cross-entropy, or of its focal form (1708.02002, equation 4)."""
        outputs = [tf.cast(output, tf.float32) for output in tf.nest.flatten(model(image, training=True))]
        losses = [self._of_logits(target, output) for output in outputs]
        total = losses[0] + self.recipe.auxiliary_weight * tf.add_n(losses[1:]) if losses[1:] else losses[0]
        return total, {"loss": losses[0]}

    def _of_logits(self, target: tf.Tensor, logits: tf.Tensor, gamma: float = 2.0) -> tf.Tensor:
        losses = tf.nn.sigmoid_cross_entropy_with_logits(target, logits)
        if self.recipe.loss == "focal":
            losses *= tf.abs(target - tf.sigmoid(logits)) ** gamma
        return tf.reduce_mean(losses, -1)

    def counted(self, target: Any) -> dict[str, tf.Tensor]:
        self.examples = target.shape[0]
        return {"labels": target, "number": tf.range(self.examples, dtype=tf.int64)}

    def count(self, model: keras.Model, image: tf.Tensor, target: Any, weight: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """The probabilities and labels of all pictures, zeros for those of other batches: the metric ranks them all."""
        answers = tf.cast(tf.nest.flatten(model(image, training=False))[0], tf.float32)
        answers = answers if self.probabilities else tf.sigmoid(answers)
        used = weight > 0
        place = tf.boolean_mask(target["number"], used)[:, None]
        parts = (answers, target["labels"], tf.ones_like(weight))
        return tuple(
            tf.scatter_nd(place, tf.boolean_mask(tf.cast(part, tf.float32), used), [self.examples, *part.shape[1:]])
            for part in parts
        )

    def zeros(self, names: Sequence) -> tuple[tf.Tensor, ...]:
        shape = (self.examples, len(names))
        return tf.zeros(shape), tf.zeros(shape), tf.zeros(self.examples)

    def measure(self, counts: Sequence, names: Sequence) -> dict[str, Any]:
        probabilities, labels, used = (np.asarray(part) for part in counts)
        return measure(labels[used > 0], probabilities[used > 0], names)

    def survey(self, targets: Sequence, names: Sequence) -> Iterator[Finding]:
        labels = np.concatenate([np.asarray(label) for label in targets])
        often = labels.sum(0)
        unseen = [str(name) for name, count in zip(names, often, strict=True) if not count]
        undecided = len(names) * 5 > len(labels)  # too few pictures to expect every label
        missing = f"never seen in {len(labels)} pictures: {', '.join(unseen[:5])}"
        yield "labels", missing if unseen else f"all {len(names)} are there", not unseen or undecided
        yield "labels of a picture", f"{labels.sum(1).mean():.2f} on average", bool(labels.any())

    def draw(self, metrics: dict[str, Any], names: Sequence, folder: Path, title: str) -> None:
        values = {name: row["average_precision"] for name, row in metrics["classes"].items()}
        plots.bars(values, folder / "labels.png", title, "average precision")
