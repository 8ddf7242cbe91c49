"""The interface between the trainer and a task: how samples are loaded, the loss, the metrics, the figures."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from keras_cnns.data.batches import Data
from keras_cnns.data.pipeline import finisher, load
from keras_cnns.data.sources.by_name import Target
from keras_cnns.support import messages
from keras_cnns.support.errors import BadArgument
from keras_cnns.support.types import Recipe
from keras_cnns.tasks.base import recipe_model as network

KINDS = {"label": "classification", "labels": "several labels at once", "mask": "segmentation", "boxes": "detection"}
Finding = tuple[str, str, bool]  # the subject, the finding, whether it is fine


class Task(ABC):
    """What a network is trained for: how its data are loaded, its loss, its metrics and its figures.

    A task keeps the recipe, and nothing about the progress of a run. Subclasses implement the abstract methods.

    A batch is (image, target, weight): image float32 [B, H, W, C] in 0 .. 255, target any nesting of tensors [B, ...],
    weight float32 [B], 0 for the padding of a batch.

    Attributes:
      target: what comes with each picture, see `data.load`.
      unused: the fields of a recipe that have no effect on this task.
      logged: the names of the values that `loss` returns for the training samples, "loss" first.
      held_out: the metrics of the held-out pictures that the history keeps: keys of the result of `measure`.
      score: the metric by which the best epoch is chosen; higher is better.
      learned: the metric by which the self-check decides whether the network has memorized pictures; "" for `score`.

    >>> task = keras_cnns.tasks.of(find_recipe("lenet5_digits"))
    >>> isinstance(task, Task), task.target, task.score
    (True, 'label', 'accuracy')
    """

    target: Target = "label"
    unused: tuple[str, ...] = ()
    logged: tuple[str, ...] = ("loss",)
    held_out: tuple[str, ...] = ("loss",)
    score: str = "loss"
    learned: str = ""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def load(self, split: str, batch_size: int, **more: Any) -> Data:
        """Loads one split, as a `data.Data`. more: further arguments of `data.load`, such as start and shard."""
        recipe = self.recipe
        return load(
            recipe.dataset,
            target=self.target,
            size=recipe.input_shape[:2],
            channels=recipe.input_shape[2],
            batch_size=batch_size,
            split=split,
            augment=recipe.augment,
            seed=recipe.seed,
            data_dir=recipe.data_dir,
            download=recipe.download,
            skip_broken=recipe.skip_broken,
            **more,
        )

    def check(self) -> None:
        """Checks, before training, that the recipe leaves the fields that this task does not use at their defaults.

        Raises:
          UserError: the recipe sets such a field; the message names it.
        """
        defaults = {field.name: field.default for field in fields(self.recipe)}
        for name in self.unused:
            default = defaults[name]
            if getattr(self.recipe, name) != default:
                model, task = self.recipe.model, type(self).__name__.lower()
                kind = KINDS.get(self.target, task)
                kept = "empty" if default in ((), "") else f"at {default}"
                other = ", and set augment.zoom to vary the size of what it sees" if name == "sizes" else ""
                raise BadArgument(f"{name} has no effect on {model}, a network for {kind}: leave it {kept}{other}.")
        if self.recipe.hold_statistics and self.recipe.weights is None:
            messages.once(
                "batch normalization keeps the statistics of random weights (hold_statistics), and few networks "
                "learn with them: use --no-hold-statistics, or give --weights."
            )

    def prepare(self, training: Data) -> dict[str, Any]:
        """Examines the training data before the first step. Returns the findings that the run folder keeps."""
        return {}

    def attach(self, model: Any) -> None:
        """Prepares the task to measure `model` with `count`.

        Raises:
          ValueError: `model` is not a network for this task.
        """
        if not isinstance(model.output_shape, tuple):
            raise ValueError(f"it has {len(model.outputs)} outputs.")

    def finish(self, classes: int) -> Callable | None:
        """The function for the last part of the augmentation, which runs on the training device: see `Data.finish`."""
        return finisher(self.recipe.augment, classes)

    def network(self, classes: int) -> keras.Model:
        """The network that is saved."""
        return network.build(self.recipe, classes)

    def network_for_training(self, classes: int) -> keras.Model:
        """The same network for training; its variables have the same paths. Called inside the strategy's scope."""
        return network.build_for_training(self.recipe, classes)

    def survey(self, targets: Sequence, names: Sequence) -> Iterable[Finding]:
        """Findings about some training targets, for the self-check before a run.

        targets: the targets of some batches. names: the names of the classes.
        """
        return ()

    def counted(self, target: Any) -> Any:
        """Prepares the target of one batch for `count`, to measure that batch as if it were the full data set."""
        return target

    @abstractmethod
    def loss(self, model: keras.Model, image: tf.Tensor, target: Any) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """(the value to minimize, float32 [B]; {name: float32 [B]} for each name in `logged`), in training mode."""

    @abstractmethod
    def count(self, model: keras.Model, image: tf.Tensor, target: Any, weight: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """The counts of one batch: a tuple of tensors that are summed over batches and replicas.

        They have the shapes of `zeros`.
        """

    @abstractmethod
    def zeros(self, names: Sequence) -> tuple[tf.Tensor, ...]:
        """The counts of no samples, from which the sums start. names: the names of the classes."""

    @abstractmethod
    def measure(self, counts: Sequence, names: Sequence) -> dict[str, Any]:
        """The metrics of the summed counts, as plain values for JSON. The keys include those in `held_out`."""

    @abstractmethod
    def draw(self, metrics: dict[str, Any], names: Sequence, folder: Path, title: str) -> None:
        """Writes figures of the metrics into the run folder."""
