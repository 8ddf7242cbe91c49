"""What one replica does with its share of a batch, and how the shares become one step."""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from keras_cnns.training.distribute import compile_with_xla
from keras_cnns.training.losses import LOSSES, targets
from keras_cnns.training.metrics import tally

SUM = tf.distribute.ReduceOp.SUM


@dataclass(repr=False)  # TensorFlow writes it into its warnings
class Steps:
    """The step functions of one run. The model answers logits; further outputs are auxiliary classifiers.

    A training batch is what `finish` takes, and (image, label) after it; without `finish` it is (image, label) or
    (image, label, weight). An evaluation batch has weights: 0 marks an example that only fills the batch up. `ema`
    holds the averaged copies of `averaged`, where the recipe asks.
    """

    recipe: object
    strategy: object
    model: object
    optimizer: object
    classes: int
    averaged: list
    ema: list
    finish: Callable | None = None  # the last part of the augmentation, see `Data.finish`

    def __post_init__(self):
        # XLA compiles what happens inside one replica; synchronized statistics come from the others
        alone = self.strategy.num_replicas_in_sync == 1 or not self.recipe.sync_batch_norm
        xla = compile_with_xla() and alone
        self._gradients = tf.function(self.gradients, jit_compile=True) if xla else self.gradients
        self.train = tf.function(self._train, reduce_retracing=True)
        self.evaluate = tf.function(self._evaluate)

    def gradients(self, image, label, weight, total):
        """This replica's share of the gradient, and (summed loss, right answers, weight) over its examples.

        The loss is the sum over the examples divided by `total`, the weight of the whole batch: uneven shares,
        even empty ones, add up to the mean over the batch.
        """
        onehot = targets(label, self.classes, self.recipe.label_smoothing)
        replicas = self.strategy.num_replicas_in_sync * self.recipe.accumulate
        with tf.GradientTape() as tape:
            outputs = self.model(image, training=True)
            outputs = [tf.cast(o, tf.float32) for o in tf.nest.flatten(outputs)]
            losses = [tf.reduce_sum(LOSSES[self.recipe.loss](onehot, o) * weight) for o in outputs]
            loss = losses[0] + self.recipe.auxiliary_weight * sum(losses[1:])
            loss = loss / total + sum(self.model.losses) / replicas  # layers' own penalties: counted once
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(
            scaled, [v.value for v in self.optimizer.order], unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        right = tf.cast(tf.argmax(outputs[0], -1) == tf.argmax(onehot, -1), tf.float32)
        return gradients, tf.stack([losses[0], tf.reduce_sum(right * weight), tf.reduce_sum(weight)])

    def _replica(self, parts):
        context = tf.distribute.get_replica_context()
        parts = [_filled(*(self.finish(*p) if self.finish else p)) for p in parts]
        total = tf.add_n([tf.reduce_sum(weight) for _, _, weight in parts])
        if context.num_replicas_in_sync > 1:
            total = context.all_reduce(SUM, total)
        gradients, sums = self._gradients(*parts[0], total)
        for part in parts[1:]:
            more, counted = self._gradients(*part, total)
            gradients, sums = [a + b for a, b in zip(gradients, more, strict=True)], sums + counted
        self.optimizer.apply(gradients)
        return sums

    def _train(self, iterator, rates):
        """As many steps as there are learning rates; returns the summed (loss, right answers, weight)."""
        sums = tf.zeros(3)
        for rate in rates:
            self.optimizer.set_rate(rate)
            parts = [next(iterator) for _ in range(self.recipe.accumulate)]
            sums += self.strategy.reduce(SUM, self.strategy.run(self._replica, args=(parts,)), axis=None)
            self._average()
        return sums

    def _average(self):
        """Moves the averages; the decay grows with the steps, as in TensorFlow's ExponentialMovingAverage."""
        done = tf.cast(self.optimizer.parts[0].iterations.value, tf.float32)
        rate = 1.0 - tf.minimum(self.recipe.ema, (1.0 + done) / (10.0 + done))

        def move(average, variable):
            average.assign_sub(tf.cast(rate, average.dtype) * (average - variable))

        for average, variable in zip(self.ema, self.averaged, strict=True):
            self.strategy.extended.update(average, move, args=(variable,))

    def _evaluate(self, iterator, batches):
        """`metrics.tally` of so many batches, over all replicas; the model is in inference mode."""

        def replica(image, label, weight):
            logits = tf.nest.flatten(self.model(image, training=False))[0]
            return tally(tf.nn.softmax(tf.cast(logits, tf.float32)), label, weight)

        sums = (tf.zeros([self.classes, self.classes]), tf.zeros([2], tf.float64))
        for _ in tf.range(batches):
            counts = self.strategy.run(replica, args=next(iterator))
            sums = tuple(a + self.strategy.reduce(SUM, b, axis=None) for a, b in zip(sums, counts, strict=True))
        return sums


def _filled(image, label, weight=None):
    """A share with its weights (1 where none are given); an empty one becomes a black picture of weight 0.

    TensorFlow's convolutions fail on no pictures at all, which a replica gets when the last batch is small.
    """
    weight = tf.ones(tf.shape(image)[0]) if weight is None else weight
    if image.shape[0]:  # known, and more than none
        return image, label, weight
    missing = tf.maximum(0, 1 - tf.shape(image)[0])
    return tuple(tf.pad(x, [[0, missing]] + [[0, 0]] * (x.shape.rank - 1)) for x in (image, label, weight))
