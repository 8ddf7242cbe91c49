"""Samples that are read by number become batches, in an order that can be resumed anywhere."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from keras_cnns.data.augment.random import uniform
from keras_cnns.data.broken import Broken
from keras_cnns.data.cropped import WORKERS
from keras_cnns.data.sources.source import Source

TOGETHER = 32  # largest number of samples that are processed together and copied into their batch at once


class Samples(Protocol):
    """The samples of a split by number, from which `batched` makes batches: see `cropped.LabelledSamples`."""

    @property
    def count(self) -> int: ...
    @property
    def sound(self) -> bool: ...
    @property
    def plan(self) -> Callable[[tf.Tensor], tuple[tf.Tensor, ...]]: ...
    @property
    def training(self) -> Callable[..., tuple]: ...
    @property
    def evaluation(self) -> Callable[..., tuple]: ...


@dataclass(frozen=True)
class Data:
    """Batches of one split.

    Attributes:
      batches: the batches as they are read. In training they never end: (picture, label, chance), which `finish` turns
        into (picture, label) on the device that trains, or (picture, target) if `finish` is None. In evaluation they
        end after the split: (picture, target, weight). picture: float32 [B, H, W, C] in 0 .. 255. target: labels int64
        [B], masks or boxes (see `load`). weight: float32 [B], 0 for the padding of the last batch and broken samples.
      finish: the last part of the augmentation; None in evaluation, and for boxes and masks.
      classes, names: the number of classes, and their names.
      count: samples in the split.
      steps: batches in an epoch; in training only full batches count.
      broken: the samples, and which of them were skipped so far, see `broken.py`. Read batches inside
        `broken.explained()`, which turns TensorFlow's errors into `UserError`s.

    >>> data = keras_cnns.data.load("digits", size=32, channels=1, batch_size=32)
    >>> data.classes, data.count, data.steps
    """

    batches: tf.data.Dataset
    finish: Callable | None
    classes: int
    names: tuple[str, ...]
    count: int
    steps: int
    broken: Broken

    @property
    def source(self) -> Source:
        """The samples as the data set stores them: in its order, in their own sizes, without augmentation."""
        return self.broken.source

    @property
    def dataset(self) -> tf.data.Dataset:
        """The batches, finished: (picture, target) in training; mixed pictures have labels float32 [B, classes]."""
        if self.finish is None:
            return self.batches
        return self.batches.map(self.finish, num_parallel_calls=WORKERS).prefetch(2)


def batched(
    samples: Samples,
    broken: Broken,
    *,
    batch_size: int,
    training: bool,
    finish: Callable | None = None,
    seed: int = 0,
    shuffle: bool = True,
    start: int = 0,
    shard: tuple[int, int] = (0, 1),
    deterministic: bool = True,
) -> Data:
    """The batches of samples; the other arguments are those of `load` and of `Data`."""
    batches = partial(_batches, samples, batch_size=batch_size, shard=shard, deterministic=deterministic)
    if training:
        draw = partial(_drawn, samples=samples, seed=seed, shuffle=shuffle)
        dataset = batches(samples.training, draw=draw, start=start, end=None)
        steps = max(1, samples.count // batch_size)
    else:
        steps = -(-samples.count // batch_size)
        dataset = batches(samples.evaluation, start=0, end=steps * batch_size)
    names = broken.source.names
    return Data(dataset.prefetch(2), finish, len(names), names, samples.count, steps, broken)


def _drawn(index: tf.Tensor, samples: Samples, seed: int, shuffle: bool) -> tuple:
    """(number in the split, `plan` of the random numbers) of consecutive samples of the run; index: int64 [N].

    Every epoch has all samples, in a new order, or in that of the split without `shuffle`.
    """
    epoch, count = tf.cast(index // samples.count, tf.int32), samples.count
    order = tf.stack([tf.fill(epoch.shape, seed % 2**31), tf.zeros_like(epoch), epoch], 1)
    number = index % count
    if shuffle:
        number = tf.random_index_shuffle(number, order, max_index=count - 1)
    return index, number, *samples.plan(uniform(seed, index[0], index.shape[0]))


def _batches(
    samples: Samples,
    sample: Callable,
    *,
    start: int,
    end: int | None,
    batch_size: int,
    shard: tuple[int, int],
    deterministic: bool,
    draw: Callable = lambda index: (index,),
) -> tf.data.Dataset:
    """The batches of this shard, from sample `start` on: its slice of every batch of the run.

    To look for broken pictures one by one takes a fifth of the time. So a few samples are first read together without
    it, and only if that fails, one by one. Samples that are `sound` are never read one by one.
    """
    which, shards = shard
    share = batch_size // shards
    few = max(n for n in range(1, TOGETHER + 1) if share % n == 0)

    def together(first: tf.Tensor) -> Any:
        first = first // share * batch_size + which * share + first % share  # of the run, not of this shard
        every = tf.data.Dataset.from_tensor_slices(draw(first + tf.range(few, dtype=tf.int64)))
        batch = every.map(partial(sample, careful=False)).batch(few, drop_remainder=True)
        if not samples.sound:
            careful = every.map(partial(sample, careful=True)).batch(few, drop_remainder=True)
            batch = batch.ignore_errors().concatenate(careful).take(1)
        return batch.get_single_element()

    def flat(*parts: tf.Tensor) -> Any:
        return tf.nest.map_structure(lambda part: tf.reshape(part, [share, *part.shape[2:]]), parts)

    options = tf.data.Options()
    options.deterministic = deterministic
    options.autotune.enabled = False  # as many workers as processors from the first batch on
    options.threading.max_intra_op_parallelism = 1  # pictures are processed in parallel; a single one is not divided
    firsts = tf.data.Dataset.range(start // shards, np.iinfo(np.int64).max if end is None else end // shards, few)
    dataset = firsts.map(together, num_parallel_calls=WORKERS, deterministic=deterministic)
    if few < share:
        dataset = dataset.batch(share // few, drop_remainder=True).map(flat)
    return dataset.with_options(options)
