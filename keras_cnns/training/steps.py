"""The training step: the computation of one replica for its share of a batch, and the sum over the replicas."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from keras_cnns.support.devices import compile_with_xla
from keras_cnns.tasks.base.task import Task
from keras_cnns.training.optimizers import Optimizer
from keras_cnns.training.recipe import Recipe

SUM = tf.distribute.ReduceOp.SUM


@dataclass(repr=False)  # TensorFlow prints it in its warnings
class Steps:
    """The compiled functions of one run. The task defines the loss and the counts.

    `finish` turns a training batch into (image, target); without it, a training batch is (image, target) or (image,
    target, weight). An evaluation batch always has weights, 0 for padding. If the recipe asks for moving averages,
    `ema` contains those of the variables `averaged`. names: the names of the classes.
    """

    recipe: Recipe
    task: Task
    strategy: tf.distribute.Strategy
    model: keras.Model
    optimizer: Optimizer
    names: tuple[str, ...]
    averaged: list[tf.Variable]
    ema: list[tf.Variable]
    finish: Callable | None = None  # the last part of the augmentation, see `Data.finish`

    def __post_init__(self) -> None:
        # XLA compiles what one replica computes alone; synchronized statistics need the others
        alone = self.strategy.num_replicas_in_sync == 1 or not self.recipe.sync_batch_norm
        xla = compile_with_xla() and alone
        self._gradients = tf.function(self.gradients, jit_compile=True) if xla else self.gradients
        self.train = tf.function(self._train, reduce_retracing=True)
        self.evaluate = tf.function(self._evaluate)

    def gradients(
        self, image: tf.Tensor, target: Any, weight: tf.Tensor, total: tf.Tensor
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        """This replica's part of the gradient, and the sums of the logged values and of the weights of its samples.

        The loss is the sum over the samples, divided by `total`, the weight of the full batch. So the parts of the
        replicas add up to the mean over the batch, even if their shares are uneven or empty.
        """
        replicas = self.strategy.num_replicas_in_sync * self.recipe.accumulate
        with tf.GradientTape() as tape:
            losses, logged = self.task.loss(self.model, image, target)
            loss = tf.reduce_sum(losses * weight) / total
            loss += sum(self.model.losses) / replicas  # the layers' regularization, counted once
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(
            scaled, [v.value for v in self.optimizer.order], unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        sums = [tf.reduce_sum(logged[name] * weight) for name in self.task.logged]
        return gradients, tf.stack([*sums, tf.reduce_sum(weight)])

    def _replica(self, parts: Sequence[tuple], side: tf.Tensor | None = None) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        shares = [_filled(*(self.finish(*p) if self.finish else p)) for p in parts]
        if side is not None:
            shares = [
                (tf.image.resize(image, [side, side], antialias=True), target, weight)
                for image, target, weight in shares
            ]
        total = tf.add_n([tf.reduce_sum(weight) for _, _, weight in shares])
        if context.num_replicas_in_sync > 1:
            total = context.all_reduce(SUM, total)
        gradients, sums = self._gradients(*shares[0], total)
        for share in shares[1:]:
            more, counted = self._gradients(*share, total)
            gradients, sums = [a + b for a, b in zip(gradients, more, strict=True)], sums + counted
        self.optimizer.apply(gradients)
        return sums

    def _train(self, iterator: Iterator, rates: tf.Tensor) -> tf.Tensor:
        """One step for each learning rate; returns the sums of all logged values and of the weight."""
        sums = tf.zeros(len(self.task.logged) + 1)
        for rate in rates:
            self.optimizer.set_rate(rate)
            parts = [next(iterator) for _ in range(self.recipe.accumulate)]
            arguments = (parts, self._side()) if self.recipe.sizes else (parts,)
            sums += self.strategy.reduce(SUM, self.strategy.run(self._replica, args=arguments), axis=None)
            self._average()
        return sums

    @property
    def _done(self) -> tf.Tensor:
        """The number of steps done so far."""
        return self.optimizer.parts[0].iterations.value

    def _side(self) -> tf.Tensor:
        """The side of this step's pictures: the recipe's `sizes` in turn (He et al. 2014, 1406.4729, section 2.3)."""
        return tf.constant(self.recipe.sizes)[self._done % len(self.recipe.sizes)]

    def _average(self) -> None:
        """Updates the moving averages. The decay grows with the steps, as in TensorFlow's ExponentialMovingAverage."""
        done = tf.cast(self._done, tf.float32)
        rate = 1.0 - tf.minimum(self.recipe.ema, (1.0 + done) / (10.0 + done))

        def move(average: tf.Variable, variable: tf.Variable) -> None:
            average.assign_sub(tf.cast(rate, average.dtype) * (average - variable))

        for average, variable in zip(self.ema, self.averaged, strict=True):
            self.strategy.extended.update(average, move, args=(variable,))

    def _evaluate(self, iterator: Iterator, batches: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """The task's counts over this number of batches and over all replicas, in inference mode."""

        def replica(image: tf.Tensor, target: Any, weight: tf.Tensor) -> tuple[tf.Tensor, ...]:
            return self.task.count(self.model, image, target, weight)

        sums = self.task.zeros(self.names)
        for _ in tf.range(batches):
            counts = self.strategy.run(replica, args=next(iterator))
            sums = tuple(a + self.strategy.reduce(SUM, b, axis=None) for a, b in zip(sums, counts, strict=True))
        return sums


def _filled(image: tf.Tensor, target: Any, weight: tf.Tensor | None = None) -> tuple[tf.Tensor, Any, tf.Tensor]:
    """Adds weights (1) to a share of a batch if it has none. An empty share becomes a black picture of weight 0.

    TensorFlow's convolutions fail on empty batches, which a replica gets when the last batch is small.
    """
    weight = tf.ones(tf.shape(image)[0]) if weight is None else weight
    if image.shape[0]:  # known and not empty
        return image, target, weight
    missing = tf.maximum(0, 1 - tf.shape(image)[0])
    return tf.nest.map_structure(
        lambda x: tf.pad(x, [[0, missing]] + [[0, 0]] * (x.shape.rank - 1)), (image, target, weight)
    )
