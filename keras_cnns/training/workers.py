"""Checks among several workers: that they train the same recipe on the same data, and start from the same step."""

import json
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import tensorflow as tf

from keras_cnns.data.batches import Data
from keras_cnns.support.errors import UserError
from keras_cnns.training.recipe import PLACEMENT, Recipe

TOGETHER = ("steps_per_call", "checkpoint_every")  # fields of PLACEMENT that must be equal on all workers


class Workers:
    """The workers of a strategy. A strategy in one process has one worker, so nothing can differ."""

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self.strategy = strategy
        self.several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)

    def meet(self, values: Sequence[int]) -> list[list[int]]:
        """Waits for all workers, and returns the list of integers that each of them passed."""
        if not self.several:
            return [list(values)]
        mine = tf.constant([values], tf.int64)
        return self.strategy.gather(self.strategy.run(lambda: tf.identity(mine)), axis=0).numpy().tolist()

    def check_step(self, step: int, folder: Path) -> None:
        """Raises UserError unless all workers resume from the same step; otherwise they would hang."""
        steps = [step for (step,) in self.meet([step])]
        if len(set(steps)) > 1:
            raise UserError(
                f"the workers would resume from different steps ({', '.join(map(str, steps))}): "
                f"{folder} has to be one folder that all of them see."
            )

    def check_recipe(self, recipe: Recipe, splits: Iterable[Data]) -> None:
        """Raises UserError if a worker has another recipe or other data, which would hang or spoil the run."""
        splits = list(splits)
        fields = {n: v for n, v in recipe.json_values().items() if n not in PLACEMENT or n in TOGETHER}
        fields["classes"] = [str(name) for name in splits[0].names]
        fields["pictures"] = [[data.count, data.source.key] for data in splits]
        everybody = self.meet([zlib.crc32(json.dumps(value, sort_keys=True).encode()) for value in fields.values()])
        differing = [name for name, sums in zip(fields, zip(*everybody, strict=True), strict=True) if len({*sums}) > 1]
        if differing:
            raise UserError(
                f"the workers were started with different {', '.join(differing)}: give all of them the same recipe "
                "and the same data."
            )
