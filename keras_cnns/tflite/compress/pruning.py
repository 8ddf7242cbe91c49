"""Magnitude pruning of a Keras model while it trains (Zhu & Gupta 2017, 1710.01878).

>>> model.fit(pictures, labels, epochs=8, callbacks=[keras_cnns.tflite.Pruning(0.8)])
>>> keras_cnns.tflite.export(model, "net.tflite")
"""

from typing import Any

import keras

from keras_cnns.support.backend import check_tensorflow_backend
from keras_cnns.support.errors import BadArgument, UnsupportedModel
from keras_cnns.support.types import Tensor
from keras_cnns.tflite.compress.kernels import SMALLEST, RuleCallback, Rules, large_kernels
from keras_cnns.tflite.compress.masks import Pattern, Schedule, magnitude_mask
from keras_cnns.tflite.compress.short_training import TrainingSettings, trained_copy


class Masks:
    """A mask of ones and zeros for each large kernel of a model. The training step multiplies the kernels by them.

    What is zero in a kernel at the beginning stays zero. Masks are variables: make them inside the `strategy.scope()`
    of the model.
    """

    def __init__(self, model: keras.Model, schedule: Schedule, smallest: int, pattern: Pattern | None = None) -> None:
        self.schedule, self.pattern = schedule, pattern
        self.kernels = large_kernels(model, smallest)
        if pattern is not None:
            self.kernels = [kernel for kernel in self.kernels if pattern.fits(kernel.shape)]
            if not self.kernels:
                raise UnsupportedModel(
                    f"{model.name} has no kernel whose input channels are a multiple of {pattern.group}."
                )
        self.variables = [
            keras.Variable(keras.ops.cast(keras.ops.not_equal(kernel, 0), kernel.dtype), trainable=False)
            for kernel in self.kernels
        ]

    def hold(self, rules: Rules) -> None:
        """Adds the rule that masked weights stay zero."""

        def masked_by(mask: keras.Variable) -> Any:
            def rule(value: Tensor) -> Tensor:
                return keras.ops.multiply(value, mask)

            return rule

        for kernel, mask in zip(self.kernels, self.variables, strict=True):
            rules.add(kernel, masked_by(mask))

    def begin(self) -> None:
        """Prunes what is pruned before the first step: all of it with a pattern."""
        if self.pattern is not None or self.schedule.start:
            self._change(self.schedule.start)

    def after_step(self, step: int, steps: int) -> bool:
        """Changes the masks if it is time, after the step number `step` (from 1) of `steps`; returns whether it was."""
        due = self.pattern is None and self.schedule.changes(step, steps)
        if due:
            self._change(self.schedule.at(step / steps))
        return due

    def _change(self, sparsity: float) -> None:
        for kernel, variable in zip(self.kernels, self.variables, strict=True):
            values = keras.ops.convert_to_numpy(kernel)
            mask = magnitude_mask(values, sparsity) if self.pattern is None else self.pattern.mask(values)
            variable.assign(mask)
            kernel.assign(values * mask)


class Pruning(RuleCallback):
    """Callback of `fit`: the smallest weights of the large kernels become zero, more and more of them.

    The fraction of zeros rises along a cubic curve and then stays while the remaining weights adapt. The model needs no
    change afterwards: its kernels contain zeros. Train it further with `KeepCompressed`.

    >>> model.fit(pictures, labels, epochs=8, callbacks=[keras_cnns.tflite.Pruning(0.8)])
    """

    def __init__(
        self,
        sparsity: float = 0.8,
        *,
        start: float = 0.0,
        settled: float = 0.75,
        smallest: int = SMALLEST,
        pattern: str | None = None,
    ) -> None:
        """Checks the settings.

        Args:
          sparsity: fraction of zeros in each large kernel at the end, 0 to 1.
          start: fraction of zeros at the beginning.
          settled: part of the training after which the fraction stays, 0 to 1.
          smallest: kernels with fewer weights are not pruned; depthwise kernels never are.
          pattern: "2:4" keeps two of four consecutive input channels from the first step on, for hardware that skips
            such zeros (Mishra et al. 2021, 2104.08378). `sparsity`, `start` and `settled` then have no effect.

        Raises:
          UserError: a value is out of range.
        """
        super().__init__()
        self.schedule = Schedule(sparsity, start, settled)
        self.pattern = None if pattern is None else Pattern.of(pattern)
        self.smallest = smallest

    def set_rules(self, rules: Rules) -> None:
        steps = self.params.get("steps")
        if not steps:
            raise BadArgument(
                "the data set does not say how many batches it has: give fit() steps_per_epoch, or use tf.data's "
                "assert_cardinality."
            )
        self._steps_per_epoch, self._steps = steps, steps * self.params["epochs"]
        self._started = False
        with self.model.distribute_strategy.scope():
            self._masks = Masks(self.model, self.schedule, self.smallest, self.pattern)
        self._masks.hold(rules)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if not self._started and not epoch:  # with initial_epoch a training goes on
            self._masks.begin()
        self._started, self._epoch_start = True, epoch * self._steps_per_epoch
        self._step = self._epoch_start

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        last, self._step = self._step, self._epoch_start + batch + 1
        for step in range(last + 1, self._step + 1):  # several with steps_per_execution
            self._masks.after_step(step, self._steps)


def prune(
    model: keras.Model,
    data: Any,
    *,
    sparsity: float = 0.75,
    start: float = 0.0,
    settled: float = 0.75,
    smallest: int = SMALLEST,
    pattern: str | None = None,
    **training: Any,
) -> keras.Model:
    """Trains a copy of the model for a few epochs, in which the smallest weights of the large kernels become zero.

    Args:
      model: a functional or Sequential Keras model that has been trained; it is not changed.
      data: (pictures, labels), or a batched tf.data.Dataset of them.
      sparsity, start, settled, smallest, pattern: as in `Pruning`.
      **training: `epochs` (3), `learning_rate` (1e-3), `batch_size` (64), `loss` (cross-entropy of integer labels).

    Batch normalization keeps its statistics.

    Returns:
      A plain Keras model with nearly the same answers.

    Raises:
      UserError: an argument is out of range, no kernel is large enough, or the model cannot be copied.

    >>> lean = keras_cnns.tflite.prune(model, (pictures, labels), sparsity=0.8, epochs=4)
    >>> keras_cnns.tflite.export(lean, "lean.tflite", scheme="int8", calibration=pictures[:100])
    """
    check_tensorflow_backend("pruning")
    callback = Pruning(sparsity, start=start, settled=settled, smallest=smallest, pattern=pattern)
    return trained_copy(model, data, callback, TrainingSettings.of(**training), smallest)
