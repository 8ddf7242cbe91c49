"""Pruning in a run of a recipe: `Recipe(prune=0.8)`."""

import keras
import tensorflow as tf

from keras_cnns.tflite.compress.kernels import SMALLEST, Rules
from keras_cnns.tflite.compress.masks import Schedule
from keras_cnns.tflite.compress.pruning import Masks
from keras_cnns.training.recipe import Recipe


class PrunedRun:
    """Prunes the model of a run, or does nothing where the recipe does not say so; call inside `strategy.scope()`.

    A mask is where a kernel is not zero, so that a checkpoint needs nothing but the weights. The masks change at the
    same steps however many steps a call has.

    Args:
      averages: the moving average of each variable, by the variable's id; averages of pruned weights become zero, too.
    """

    def __init__(self, recipe: Recipe, model: keras.Model, averages: dict[int, tf.Variable]) -> None:
        self.schedule = Schedule(recipe.prune) if recipe.prune else None
        if self.schedule is not None:
            self._averages = averages
            self._masks = Masks(model, self.schedule, SMALLEST)
            self._masks.hold(Rules())

    def steps_until_change(self, step: int, total: int) -> int:
        """The most steps that one call may have after `step` steps of `total`."""
        if self.schedule is None:
            return total - step
        every = self.schedule.every(total)
        return every - step % every

    def after_step(self, step: int, total: int) -> None:
        """Changes the masks if it is time."""
        if self.schedule is None or not self._masks.after_step(step, total):
            return
        for kernel, mask in zip(self._masks.kernels, self._masks.variables, strict=True):
            average = self._averages.get(id(kernel.value))
            if average is not None:
                average.assign(average * tf.cast(mask.value, average.dtype))

    def has_settled(self, step: int, total: int) -> bool:
        """Whether the model has all the zeros that it will have; a better score counts only from then on."""
        return self.schedule is None or self.schedule.has_settled(step, total)
