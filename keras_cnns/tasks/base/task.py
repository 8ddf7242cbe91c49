"""What the trainer asks of a task: how its samples are loaded, what is minimized, what is counted, what is drawn."""

from abc import ABC, abstractmethod
from dataclasses import fields
from typing import Any

from keras_cnns.data.pipeline import Data, finisher, load
from keras_cnns.data.sources.by_name import Target
from keras_cnns.support.errors import UserError
from keras_cnns.tasks.base import recipe_model as network


class Task(ABC):
    """What a recipe's network is trained for; knows the recipe, and no state of the run.

    A batch is (image, target, weight): image float32 [B, H, W, C] 0..255, target whatever nesting of tensors [B, ...]
    the task's samples hold, weight float32 [B], 0 for what only fills a batch up.

    logged: what `loss` tells of the training samples, "loss" first. held_out: keys of `measure` that the history keeps.
    score: the one of them that says which epoch is the best; the higher the better. learned: the one that says whether
    pictures are learned by heart, where it is another.
    """

    target: Target = "label"
    unused: tuple[str, ...] = ()
    logged: tuple = ("loss",)
    held_out: tuple = ("loss",)
    score: str = "loss"
    learned: str = ""

    def __init__(self, recipe):
        self.recipe = recipe

    def load(self, split, batch_size, **more):
        """A `data.Data` of one split; more: what `data.load` takes of the place in the run (start, shard)."""
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
        """Checks, before training, that the recipe sets no field that this task does not use.

        Raises:
          UserError: it does; the message names the field.
        """
        defaults = {field.name: field.default for field in fields(self.recipe)}
        for name in self.unused:
            default = defaults[name]
            if getattr(self.recipe, name) != default:
                model, task = self.recipe.model, type(self).__name__.lower()
                kind = {"label": "classification", "mask": "segmentation", "boxes": "detection"}.get(self.target, task)
                kept = "empty" if default in ((), "") else f"at {default}"
                raise UserError(f"{name} has no effect on {model}, a network for {kind}: leave it {kept}.")

    def prepare(self, training: Data) -> dict[str, Any]:
        """Looks at the training data before the first step. Returns what the run folder keeps of it."""
        return {}

    def attach(self, model: Any) -> None:
        """Tells the task which network `count` will measure.

        Raises:
          ValueError: it is not a network for this task.
        """
        if not isinstance(model.output_shape, tuple):
            raise ValueError(f"it has {len(model.outputs)} outputs.")

    def finish(self, classes):
        """The last part of the augmentation, done on the training device: see `Data.finish`."""
        return finisher(self.recipe.augment, classes)

    def network(self, classes):
        """The network that is saved and handed over."""
        return network.build(self.recipe, classes)

    def network_for_training(self, classes):
        """The same network as it is trained; its variables have the same paths. Called inside the strategy's scope."""
        return network.build_for_training(self.recipe, classes)

    def survey(self, targets, names):
        """What some training targets hold, before a run: (what, how it is, whether that is fine) each.

        targets: a list of batches as `load` gives them. names: of the classes.
        """
        return ()

    def counted(self, target):
        """The target of a batch that is a data set of its own, as `count` takes it."""
        return target

    @abstractmethod
    def loss(self, model, image, target):
        """(what is minimized, float32 [B]; {name: float32 [B]} of all that is `logged`), the model in training."""

    @abstractmethod
    def count(self, model, image, target, weight):
        """A tuple of tensors, of the shapes of `zeros`, that may be added to those of other batches and replicas."""

    @abstractmethod
    def zeros(self, names):
        """What `count` gives for no sample at all. names: of the classes."""

    @abstractmethod
    def measure(self, counts, names):
        """A dict of plain values for JSON made of the summed counts, with `held_out` among its keys."""

    @abstractmethod
    def draw(self, metrics, names, folder, title):
        """Writes the pictures of `measure` into the run's folder."""
