"""Learning-rate schedules: plain functions of the step, so that a resumed run needs no further state."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras_cnns.training.recipe import Recipe


@dataclass(frozen=True)
class BitHyperRule:
    """The settings that follow from the size of the data set. Kolesnikov et al. 2020, "Big Transfer", 1912.11370.

    Attributes:
      steps: of the run.
      warmup: steps of the warm-up.
      decays: steps at which the learning rate falls tenfold.
      mixup: alpha of MixUp.
    """

    steps: int
    warmup: int
    decays: tuple
    mixup: float

    @classmethod
    def of(cls, examples: int) -> "BitHyperRule":
        """Small (< 20k examples), medium (< 500k) and large tasks."""
        if examples < 20_000:
            return cls(500, 100, (200, 300, 400), 0.0)
        if examples < 500_000:
            return cls(10_000, 500, (3_000, 6_000, 9_000), 0.1)
        return cls(20_000, 500, (6_000, 12_000, 18_000), 0.1)


def total_steps(recipe: Recipe, steps_per_epoch: int, examples: int) -> int:
    """The number of steps of a run, from its epochs or from the BiT-HyperRule."""
    steps = BitHyperRule.of(examples).steps if recipe.schedule == "bit" else recipe.epochs * steps_per_epoch
    return min(steps, recipe.max_steps or steps)


def schedule(recipe: Recipe, steps_per_epoch: int, examples: int) -> Callable[[int], float]:
    """The function step -> learning rate of `recipe`; steps count from 0.

    Warm-up is linear and reaches the peak at its last step. Decays:
      constant, plateau: none here (`Plateau` multiplies the result)
      step: times decay_rate at each of decay_epochs
      exponential: times decay_rate every decay_epochs[0] epochs, in stairs
      cosine: half a cosine from the end of the warm-up to 0 at the end of the run
      bit: the BiT-HyperRule
    """
    peak, rate = recipe.peak_rate, recipe.decay_rate
    warmup = round(recipe.warmup_epochs * steps_per_epoch)
    steps = total_steps(recipe, steps_per_epoch, examples)

    def step_decay(step: int) -> float:
        return rate ** sum(step >= round(e * steps_per_epoch) for e in recipe.decay_epochs)

    def exponential(step: int) -> float:
        return rate ** (step // max(1, round(recipe.decay_epochs[0] * steps_per_epoch)))

    def cosine(step: int) -> float:
        return 0.5 * (1 + math.cos(math.pi * min(1.0, max(0, step - warmup) / max(1, steps - warmup))))

    def constant(step: int) -> float:
        return 1.0

    decay = {"step": step_decay, "exponential": exponential, "cosine": cosine}.get(recipe.schedule, constant)
    if recipe.schedule == "bit":
        rule = BitHyperRule.of(examples)
        warmup = rule.warmup

        def decay(step: int) -> float:
            return 0.1 ** sum(step >= d for d in rule.decays)

    def learning_rate(step: int) -> float:
        return peak * (step + 1) / warmup if step < warmup else peak * decay(step)

    return learning_rate


class Plateau:
    """Multiplies the learning rate by `rate` when the score has not risen for `patience` epochs.

    Its state is the dict `values`.
    """

    def __init__(self, patience: float, rate: float, values: dict[str, Any] | None = None) -> None:
        self.patience, self.rate = patience, rate
        self.values = values if values is not None else {"factor": 1.0, "best": -1.0, "wait": 0}

    def update(self, accuracy: float) -> float:
        """Takes the score of an epoch; returns the factor for the following epochs."""
        v = self.values
        if accuracy > v["best"]:
            v["best"], v["wait"] = accuracy, 0
        else:
            v["wait"] += 1
            if v["wait"] >= self.patience:
                v["factor"], v["wait"] = v["factor"] * self.rate, 0
        return v["factor"]
