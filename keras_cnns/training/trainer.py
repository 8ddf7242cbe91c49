"""The trainer: runs a recipe, and writes a run folder and a model. The same recipe again resumes the run."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns import tasks
from keras_cnns.data.augment.settings import Augment
from keras_cnns.data.batches import Data
from keras_cnns.data.broken import explained
from keras_cnns.support import plots
from keras_cnns.support.atomic_files import write_json
from keras_cnns.support.errors import UserError, first_line
from keras_cnns.support.temporary_folders import check_room
from keras_cnns.tasks.base import recipe_model
from keras_cnns.tflite.compress.kernels import sparsity
from keras_cnns.training import distribute, run_folder
from keras_cnns.training.feature_cache import FeatureCache
from keras_cnns.training.optimizers import Optimizer
from keras_cnns.training.pruned_run import PrunedRun
from keras_cnns.training.recipe import Recipe
from keras_cnns.training.report import Report
from keras_cnns.training.schedules import Plateau, schedule, total_steps
from keras_cnns.training.state import Checkpoints
from keras_cnns.training.steps import Steps
from keras_cnns.training.workers import Workers


@dataclass(frozen=True)
class Result:
    """The result of a run.

    Attributes:
      recipe: the recipe.
      folder: the run folder with all files.
      model: the model of the last epoch; it takes pixels 0 .. 255.
      names: names of the classes.
      metrics: metrics of `model` on the held-out pictures.
      history: a dict for each epoch.
      best: the file with the model of the best epoch.
      score: the metric by which the best epoch was chosen.

    >>> result = train(find_recipe("lenet5_digits").but(epochs=2))
    >>> result.metrics["accuracy"], result.folder
    """

    recipe: Recipe
    folder: Path
    model: keras.Model
    names: tuple[str, ...]
    metrics: dict[str, Any]
    history: list[dict[str, Any]]
    best: Path
    score: str


def train(recipe: Recipe, *, quiet: bool = False) -> Result:
    """Trains a recipe and writes the files of its run folder.

    A run that was stopped at any moment resumes from its last checkpoint, and ends with the same weights as an
    uninterrupted run. A finished run is only read.

    Args:
      recipe: the recipe to train.
      quiet: whether to leave out the progress bar.

    Raises:
      UserError: the data, the devices or the run folder cannot be used, another process trains into it, there is
        no room for temporary files, or the loss is not finite.

    Example:
      >>> result = train(Recipe("lenet5", epochs=20, out="runs/digits"))
      >>> result.metrics["accuracy"]
    """
    check_room()
    with run_folder.alone(Path(recipe.out)):
        return _train(recipe, quiet)


def _train(recipe: Recipe, quiet: bool) -> Result:
    run = Run(recipe, quiet)
    try:
        with explained():  # names the file of a broken sample
            return run.result()
    except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
        raise UserError(
            f"another worker was lost at step {run.values['step']} ({first_line(error)}): "
            "start all workers again, they resume from the last checkpoint."
        ) from error


class Run:
    """One run in this process: the constructor builds everything, `result` trains."""

    def __init__(self, recipe: Recipe, quiet: bool) -> None:
        self.recipe = recipe
        self.folder = run_folder.check(recipe)
        self.strategy = distribute.strategy(recipe.strategy, replicas=recipe.replicas)
        self.chief = distribute.is_chief(self.strategy)
        self._check_replicas()
        keras.utils.set_random_seed(recipe.seed)

        self.task = tasks.of(recipe)
        self.task.check()
        self.held_out = self.task.load("test", recipe.batch_size)
        classes, self.names = self.held_out.classes, self.held_out.names
        run_folder.check_data(self.folder, self.names)
        self.workers = Workers(self.strategy)
        if self.workers.several:
            self.workers.check_recipe(recipe, (self.held_out, self.task.load("train", recipe.batch_size)))
        self.clean = self.task.network(classes)
        with self.strategy.scope():
            keras.utils.set_random_seed(recipe.seed)
            self.model = self.task.network_for_training(classes)
            if recipe_model.knows_other_classes(recipe.weights, self.names):
                recipe_model.renew_scores(self.model)
            self.optimizer = Optimizer(recipe, self.model.trainable_variables)
            averaged = [w.value for w in self.model.weights if recipe.ema and w.value.dtype.is_floating]
            ema = [tf.Variable(v, trainable=False) for v in averaged]
        finish = self.task.finish(classes) if distribute.dynamic_shapes(self.strategy) else None
        self.features = FeatureCache(recipe, self.task, self.model, self.strategy)
        network = self.features.network
        self.steps = Steps(recipe, self.task, self.strategy, network, self.optimizer, self.names, averaged, ema, finish)
        saved = [v.value for v in [*self.model.variables, *self.optimizer.variables]] + ema
        values = {"step": 0, "sums": self._no_sums(), "seconds": 0.0, "history": [], "best": -math.inf, "plateau": None}
        worker = None if self.chief else self.strategy.cluster_resolver.task_id
        self.checkpoints = Checkpoints(self.folder / run_folder.CHECKPOINTS, saved, values, worker=worker)
        self.values = self.checkpoints.restore()
        self.workers.check_step(self.values["step"], self.folder)
        with self.strategy.scope():
            self.pruning = PrunedRun(recipe, self.model, dict(zip(map(id, averaged), ema, strict=True)))
        self.held_out = self.features.of_pictures("test", self.held_out, recipe.batch_size)
        self.held_out_batches = self._distributed("test", self.held_out, recipe.batch_size)
        self.report = Report(self.folder, self.task, quiet=quiet or not self.chief, log=self.chief)

    def result(self) -> Result:
        """Trains the remaining steps, writes the files, and returns the `Result`."""
        micro = self.recipe.batch_size // self.recipe.accumulate
        start = self.values["step"] * self.recipe.batch_size
        data = self.features.load("train", micro, start=start)
        self.steps_per_epoch = data.count // self.recipe.batch_size
        if not self.steps_per_epoch:
            raise UserError(
                f"batch_size {self.recipe.batch_size} is more than the {data.count} training examples: give a "
                "smaller --batch-size."
            )
        self.rate = schedule(self.recipe, self.steps_per_epoch, data.count)
        self.total = total_steps(self.recipe, self.steps_per_epoch, data.count)
        plateau = (
            Plateau(self.recipe.decay_epochs[0], self.recipe.decay_rate) if self.recipe.schedule == "plateau" else None
        )
        if plateau and self.values["plateau"]:
            plateau.values = self.values["plateau"]

        findings = self.task.prepare(data)
        if self.chief:
            splits = {"train": data, "test": self.held_out}
            run_folder.claim(self.folder, self.recipe, self.names, splits, findings)
        metrics = None
        with self.report:
            iterator = iter(self._distributed("train", data, micro, start=start))
            while self.values["step"] < self.total and not self._out_of_patience():
                self._some_steps(iterator, plateau.values["factor"] if plateau else 1.0)
                if self.values["step"] % self.steps_per_epoch == 0 or self.values["step"] == self.total:
                    metrics = self._end_of_epoch(plateau)
                    self._checkpoint()
                elif self.recipe.checkpoint_every and self.values["step"] % self.recipe.checkpoint_every == 0:
                    self._checkpoint()
        self.checkpoints.close()
        return self._finish(metrics or self._evaluate())

    def _out_of_patience(self) -> bool:
        """Whether the held-out score has not improved for `patience` epochs, those before a restart included."""
        rows = [row for row in self.values["history"] if self.pruning.has_settled(row["step"], self.total)]
        scores = [row[f"held_out_{self.task.score}"] for row in rows]
        return (
            bool(self.recipe.patience and scores) and len(scores) - 1 - int(np.argmax(scores)) >= self.recipe.patience
        )

    def _some_steps(self, iterator: Iterator, factor: float) -> None:
        """One call into TensorFlow: `steps_per_call` steps, or fewer up to a checkpoint or the end of the epoch."""
        v, began = self.values, time.perf_counter()
        step = v["step"]
        count = min(self.recipe.steps_per_call, self.total - step, self.steps_per_epoch - step % self.steps_per_epoch)
        count = min(count, self.pruning.steps_until_change(step, self.total))
        if self.recipe.checkpoint_every:
            count = min(count, self.recipe.checkpoint_every - step % self.recipe.checkpoint_every)
        rates = [factor * self.rate(step + i) for i in range(count)]
        sums = self.steps.train(iterator, tf.constant(rates, tf.float32))
        v["sums"] = (np.asarray(v["sums"], "float32") + sums.numpy()).tolist()
        v["step"] = step + count
        self.pruning.after_step(v["step"], self.total)
        v["seconds"] += time.perf_counter() - began
        if not np.isfinite(v["sums"][0]):
            raise UserError(
                f"the loss is not finite at step {v['step']}: try a lower --learning-rate or a --clip-norm. "
                f"The last good checkpoint is kept in {self.folder}."
            )
        self.report.step(v, rates[-1], self.steps_per_epoch, self.total)

    def _no_sums(self) -> list[float]:
        return [0.0] * (len(self.task.logged) + 1)

    def _end_of_epoch(self, plateau: Plateau | None) -> dict[str, Any]:
        v = self.values
        metrics = self._evaluate()
        *sums, weight = v["sums"]
        score = metrics[self.task.score]
        row = {
            "epoch": -(-v["step"] // self.steps_per_epoch),
            "step": v["step"],
            "learning_rate": self.rate(v["step"] - 1) * (plateau.values["factor"] if plateau else 1.0),
            **{name: value / weight for name, value in zip(self.task.logged, sums, strict=True)},
            **{f"held_out_{name}": metrics[name] for name in self.task.held_out},
            "seconds": round(v["seconds"], 3),
        }
        if plateau:
            plateau.update(score)
            v["plateau"] = plateau.values
        v.update(sums=self._no_sums(), seconds=0.0, history=[*v["history"], row])
        if self.chief:
            run_folder.write_history(v["history"], self.folder / "history.csv")
        if score > v["best"] and self.pruning.has_settled(v["step"], self.total):
            v["best"] = score
            self._copy_weights()
            if self.chief:
                run_folder.save_model(self.clean, self.folder / "best.keras", self.recipe, self.names)
        self.report.epoch(row, self.total)
        return metrics

    def _checkpoint(self) -> None:
        self.checkpoints.save(self.values)

    def _evaluate(self) -> dict[str, Any]:
        """The metrics on the held-out pictures over all replicas, each counted once; of averaged weights, if any."""
        own = [v.numpy() for v in self.steps.averaged]
        self._assign([v.numpy() for v in self.steps.ema])
        counts = self.steps.evaluate(iter(self.held_out_batches), tf.constant(self.held_out.steps))
        self._assign(own)
        return self.task.measure(counts, self.names)

    def _assign(self, values: Sequence[np.ndarray]) -> None:
        for variable, value in zip(self.steps.averaged, values, strict=True):
            variable.assign(value)

    def _copy_weights(self) -> None:
        """Copies the trained weights, or their averages, to the network that is saved."""
        own = {id(v): average for v, average in zip(self.steps.averaged, self.steps.ema, strict=True)}
        values = [own.get(id(w.value), w).numpy() for w in self.model.weights]
        recipe_model.transfer(self.model.weights, values, self.clean)

    def _finish(self, metrics: dict[str, Any]) -> Result:
        v = self.values
        history = v["history"]
        self._copy_weights()
        best = self.folder / "best.keras"
        if self.chief:
            run_folder.save_model(self.clean, self.folder / "model.keras", self.recipe, self.names)
            facts = {"parameters": self.clean.count_params(), "steps": v["step"]}
            facts |= {"seconds": sum(row["seconds"] for row in history)}
            facts |= {"sparsity": sparsity(self.clean)} if self.recipe.prune else {}
            facts |= {f"best_{self.task.score}": v["best"], "versions": run_folder.versions()}
            write_json(self.folder / "metrics.json", {**facts, **metrics})
            title = f"{self.recipe.model} on {self.recipe.dataset}"
            plots.curve(history, self.folder / "curve.png", title)
            self.task.draw(metrics, self.names, self.folder, title)
        self.workers.meet([v["step"]])  # a worker that exits before the others have finished aborts them
        return Result(self.recipe, self.folder, self.clean, self.names, metrics, history, best, self.task.score)

    def _distributed(self, split: str, data: Data, batch_size: int, **more: Any) -> Any:
        """The batches, each split into equal shares for the replicas; every worker reads only its own slices."""
        if not self.workers.several:
            return self.strategy.experimental_distribute_dataset(data.batches if self.steps.finish else data.dataset)

        def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
            shard = (context.input_pipeline_id, context.num_input_pipelines)
            batches = self.task.load(split, batch_size, shard=shard, **more).batches
            return batches.rebatch(context.get_per_replica_batch_size(batch_size), drop_remainder=False)

        return self.strategy.distribute_datasets_from_function(of_worker)

    def _check_replicas(self) -> None:
        replicas, batch = self.strategy.num_replicas_in_sync, self.recipe.batch_size // self.recipe.accumulate
        if batch % replicas:
            near = (batch // replicas or 1) * replicas * self.recipe.accumulate
            raise UserError(f"batch_size {self.recipe.batch_size} is not divisible by {replicas} replicas: try {near}.")
        if replicas > 1 and batch // replicas % 2 and Augment.of(self.recipe.augment).mixes:
            raise UserError(
                f"MixUp and CutMix pair the pictures of a replica, and its share of {batch // replicas} is odd: "
                f"try batch_size {(batch + replicas) * self.recipe.accumulate}."
            )
