"""The self-check before a long run: what the data contain, and whether the network can memorize eight pictures."""

import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns import tasks
from keras_cnns.data import duplicates
from keras_cnns.data.augment.settings import Augment
from keras_cnns.data.batches import Data
from keras_cnns.data.broken import explained
from keras_cnns.tasks.base.task import Finding, Task
from keras_cnns.training.optimizers import Optimizer
from keras_cnns.training.recipe import Recipe

LOOKED_AT = 200  # training pictures whose targets are surveyed
BY_HEART, SECONDS = 8, 60.0  # pictures to memorize, and the time limit
LEARNED = 0.8  # of the metric `learned` of the task, on the eight pictures: from here on they count as memorized


def check(recipe: Recipe, *, seconds: float = SECONDS) -> list[Finding]:
    """Checks the data of a recipe, and whether its network can memorize eight pictures.

    The score of the eight pictures is measured on these pictures, in inference mode. If they are not memorized after
    `seconds`, the finding says whether the loss still falls.

    Returns:
      A list of (subject, finding, whether it is fine).

    Raises:
      UserError: for the same reasons as training.
    """
    keras.utils.set_random_seed(recipe.seed)
    recipe = recipe.but(augment=Augment(), ema=0.0, batch_size=BY_HEART, accumulate=1, batch_norm_momentum=0.9)
    task = tasks.of(recipe)
    task.check()
    held_out = task.load("test", BY_HEART)
    model = task.network_for_training(held_out.classes)
    training = task.load("train", BY_HEART)
    batches = training.dataset
    with explained():  # names the file of a broken picture or box
        first = next(iter(batches))
        looked_at = [batch[1] for batch in batches.take(min(training.steps, -(-LOOKED_AT // BY_HEART)))]
    survey = [_pictures(training, held_out), *task.survey(looked_at, held_out.names)]
    return [*survey, _by_heart(recipe, task, model, first, held_out.names, seconds)]


def _pictures(training: Data, held_out: Data) -> Finding:
    """The number of pictures, and whether held-out pictures are also training pictures."""
    count = f"{training.count} to train, {held_out.count} held out, {held_out.classes} classes"
    same = duplicates.between(training.source, held_out.source)
    sentence = same.sentence(held_out.count) if same else ""
    return "pictures", f"{count}; {sentence}" if sentence else count, not sentence


def _by_heart(
    recipe: Recipe, task: Task, model: keras.Model, batch: Sequence[Any], names: Sequence, seconds: float
) -> Finding:
    optimizer = Optimizer(recipe, model.trainable_variables)
    image, target = batch[0], task.counted(batch[1])

    @tf.function
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            losses, _ = task.loss(model, image, target)
            loss = tf.reduce_mean(losses)
            scaled = optimizer.scale_loss(loss)
        variables = [v.value for v in optimizer.order]
        optimizer.apply(tape.gradient(scaled, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO))
        return loss

    def score() -> float:
        return task.measure(task.count(model, image, target, tf.ones(BY_HEART)), names)[task.learned or task.score]

    if score() < 0:  # the pictures have no targets
        return ("eight pictures", "there is nothing in them to learn", False)
    losses: list[float] = []
    began, reached = time.perf_counter(), 0.0
    while time.perf_counter() - began < seconds and reached < LEARNED:
        warm = min(1.0, (len(losses) + 1) / 20)
        optimizer.set_rate(warm * recipe.peak_rate)
        losses.append(float(step()))
        if not np.isfinite(losses[-1]):
            return (
                "eight pictures",
                f"the loss is not finite after {len(losses)} steps: try a lower learning rate",
                False,
            )
        if len(losses) % 25 == 0:
            reached = score()
    reached = max(reached, score())
    last = float(np.mean(losses[-10:]))
    measure = (task.learned or task.score).replace("_", " ")
    progress = f"{measure} {reached:.2f}, loss {losses[0]:.3f} to {last:.3f} in {len(losses)} steps"
    if reached >= LEARNED:
        return ("eight pictures", f"learned by heart: {progress}", True)
    if len(losses) <= 20:
        advice = f"these are too few steps in {seconds:.0f} s to judge the learning rate: look at the loss of a run"
    elif last < 0.9 * float(np.mean(losses[len(losses) // 2 :][:10])):
        advice = "the loss still falls: train for more epochs, or take a smaller network"
    else:
        advice = "try another learning rate"
    return ("eight pictures", f"not learned: {progress}; {advice}", False)
