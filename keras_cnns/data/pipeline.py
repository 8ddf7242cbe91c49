"""A data set by name becomes batches: `load` for training and evaluation, `load_arrays` for calibration and reports."""

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import tensorflow as tf

from keras_cnns.data.augment import crops
from keras_cnns.data.augment.apply import chance, finish
from keras_cnns.data.augment.random import Random, uniform
from keras_cnns.data.augment.settings import Augment
from keras_cnns.data.broken import TRIES, Broken
from keras_cnns.data.classes import unbalanced
from keras_cnns.data.examples import WORKERS, Cropped, Kept
from keras_cnns.data.sources.by_name import open_source
from keras_cnns.support import messages
from keras_cnns.support.errors import UserError
from keras_cnns.support.validation import every, path_of, short, whole

TOGETHER = 32  # samples, at most, that are worked on one after the other and copied once, into their batch
CACHED_BYTES = 2**28  # data sets that are smaller at the network's size are decoded once and kept


@dataclass(frozen=True)
class Data:
    """Batches of one split.

    batches: training: (image, label, chance) without end, to be given to `finish` on the device that trains;
      evaluation: (image, label, weight), once. image float32 [B, H, W, C] 0..255; label int64 [B]; weight float32 [B],
      0 for the padding of the last batch and for broken pictures.
    finish: the function that turns a batch's (image, label, chance) into (image, label); None in evaluation.
    classes, names: how many classes there are, and what they are called.
    count: examples in the split. steps: batches of an epoch (in training, of the pictures seen in whole batches).
    broken: what was skipped so far, see `broken.py`; reading batches under `broken.explained()` gives clear errors.
    source: the examples, still encoded.
    """

    batches: tf.data.Dataset
    finish: Callable | None
    classes: int
    names: tuple
    count: int
    steps: int
    broken: Broken

    @property
    def source(self):
        return self.broken.source

    @property
    def dataset(self):
        """The batches, finished: (image, label) in training, label float32 [B, classes] where pictures are mixed."""
        if self.finish is None:
            return self.batches
        return self.batches.map(self.finish, num_parallel_calls=WORKERS).prefetch(2)


def load(
    name,
    *,
    size,
    channels=3,
    batch_size,
    split="train",
    training=None,
    augment=None,
    seed=0,
    data_dir=None,
    download=False,
    start=0,
    limit=None,
    shard=(0, 1),
    deterministic=True,
    skip_broken=0,
):
    """The batches of a data set.

    A training stream is a pure function of (name, seed, augment, batch_size): sample number n of the run is always the
    same picture augmented alike, so a run resumed with `start` sees what the uninterrupted one would have seen.

    Args:
      name: "digits", a name of tensorflow-datasets, or "folder:PATH" (see `sources/folder.py`).
      size: (height, width) of the network's input, or one number for both.
      channels: 1 or 3.
      batch_size: pictures in a batch over all shards.
      split: "train", "test" (the held-out pictures, whatever the data set calls them), or tensorflow-datasets' own
        words ("validation", "train[:10%]").
      training: shuffled, augmented and without end; by default for the train split only.
      augment: an `Augment`, or a dict of its fields. In evaluation only its `crop_fraction` counts, and whether the
        crop is "whole".
      seed: of the order and of the augmentation.
      data_dir: where tensorflow-datasets keeps its files; its own default otherwise.
      download: fetch and prepare a data set that is not there.
      start: number of the first sample, that is, steps done times batch_size; training only.
      limit: so many examples only, spread evenly over the split.
      shard: (i, n): the i-th of n equal slices of every batch, for the i-th of n workers.
      deterministic: samples stay in order; False lets fast pictures overtake slow ones.
      skip_broken: so many broken pictures are passed over, with a warning in the log "keras_cnns" each.

    Raises:
      UserError: an unknown or unprepared data set, an unknown split, settings that make no sense; broken pictures
        beyond the limit, at once where the data set is small enough to be kept in memory, else while it is read.
    """
    how, size = Augment.of(augment), _checked_size(size, channels)
    _check(split=split, seed=seed, data_dir=data_dir, limit=limit, skip_broken=skip_broken)
    training = split.startswith("train") if training is None else training
    _check_batch(batch_size, shard, start)
    if how.mosaic or how.zoom != (1.0, 1.0):
        raise UserError("augment.zoom and augment.mosaic move boxes and masks: for labels take crop, scale or cutmix.")
    source = open_source(name, split, data_dir=data_dir, download=download, limit=limit)
    if training and (uneven := unbalanced(source)):
        messages.once(f"{name}: {uneven}")
    broken = Broken(source, skip_broken)
    fixed = crops.fixed(how.crop, size, how.crop_fraction)
    if training and how.crop in ("random", "random_resized"):
        view = Cropped(broken, size, channels, lambda plan: partial(crops.window, size=size, how=how, planned=plan))
    else:
        view = Cropped(broken, size, channels, lambda plan: fixed)
        if source.count * size[0] * size[1] * channels <= CACHED_BYTES:
            view = Kept(*view.everything())
    sound = isinstance(view, Kept)
    batches = partial(_batches, sound=sound, batch_size=batch_size, shard=shard, deterministic=deterministic)
    if training:
        draw = partial(_drawn, examples=view.count, how=how, seed=seed)
        dataset = batches(_training_sample(view, how), draw=draw, start=start, end=None)
        steps = max(1, view.count // batch_size)
    else:
        steps = -(-view.count // batch_size)
        dataset = batches(_evaluation_sample(view), start=0, end=steps * batch_size)
    classes = len(source.names)
    last = finisher(how, classes) if training else None
    return Data(dataset.prefetch(2), last, classes, source.names, view.count, steps, broken)


def finisher(augment, classes):
    """The last part of the augmentation, as in `Data.finish`: it depends on nothing else."""
    return partial(finish, how=Augment.of(augment), classes=classes)


def load_arrays(
    name,
    split="test",
    *,
    size,
    channels=3,
    limit=None,
    crop="centre",
    crop_fraction=1.0,
    data_dir=None,
    download=False,
    skip_broken=0,
):
    """A split, or an even part of it, in memory, as evaluation sees it.

    Returns:
      (images uint8 [N, H, W, channels], labels int64 [N], names)

    Raises:
      UserError: as `load`.
    """
    size = _checked_size(size, channels)
    _check(split=split, data_dir=data_dir, limit=limit, skip_broken=skip_broken)
    how = Augment.of({"crop": crop, "crop_fraction": crop_fraction})
    source = open_source(name, split, data_dir=data_dir, download=download, limit=limit)
    window = crops.fixed(how.crop, size, how.crop_fraction)
    images, labels = Cropped(Broken(source, skip_broken), size, channels, lambda plan: window).everything()
    return images, labels, source.names


def _training_sample(view, how):
    def sample(number, plan, numbers, careful):
        picture, label, _ = view.read(number, plan, TRIES if careful else 0)
        return picture, label, chance(how, picture.shape[:2], Random(numbers))

    return sample


def _drawn(index, examples, how, seed):
    """The chance of samples that follow each other, index int64 [N], a row for each: the number of its example (every
    epoch has all of them, in an order of its own), what its crop takes, and the numbers left."""
    epoch = tf.cast(index // examples, tf.int32)
    order = tf.stack([tf.fill(epoch.shape, seed % 2**31), tf.zeros_like(epoch), epoch], 1)
    number = tf.random_index_shuffle(index % examples, order, max_index=examples - 1)
    numbers = uniform(seed, index[0], index.shape[0])
    return number, crops.plan(numbers[:, : crops.NUMBERS], how), numbers[:, crops.NUMBERS :]


def _evaluation_sample(view):
    def sample(index, careful):
        picture, label, good = view.read(index % view.count, tries=1 if careful else 0)
        return tf.round(picture), label, tf.cast(good & (index < view.count), tf.float32)

    return sample


def _batches(sample, *, sound, start, end, batch_size, shard, deterministic, draw=lambda index: (index,)):
    """Batches of this shard's samples from number `start` on: its slice of every batch, one batch after the other.

    Looking out for broken pictures one by one takes a fifth of the time, so a few samples together are tried without,
    and only if that fails, with it; never where all are `sound`. What they need of chance is drawn to them together.
    """
    which, shards = shard
    share = batch_size // shards
    few = max(n for n in range(1, TOGETHER + 1) if share % n == 0)

    def together(first):
        first = first // share * batch_size + which * share + first % share  # of the run, not of this shard
        every = tf.data.Dataset.from_tensor_slices(draw(first + tf.range(few, dtype=tf.int64)))
        samples = every.map(partial(sample, careful=False)).batch(few, drop_remainder=True)
        if not sound:
            careful = every.map(partial(sample, careful=True)).batch(few, drop_remainder=True)
            samples = samples.ignore_errors().concatenate(careful).take(1)
        return samples.get_single_element()

    def flat(*parts):
        return tuple(tf.reshape(part, [share, *part.shape[2:]]) for part in parts)

    options = tf.data.Options()
    options.deterministic = deterministic
    options.autotune.enabled = False  # as many workers as processors from the first batch on
    options.threading.max_intra_op_parallelism = 1  # pictures are worked on side by side, not each in pieces
    firsts = tf.data.Dataset.range(start // shards, np.iinfo(np.int64).max if end is None else end // shards, few)
    dataset = firsts.map(together, num_parallel_calls=WORKERS, deterministic=deterministic)
    if few < share:
        dataset = dataset.batch(share // few, drop_remainder=True).map(flat)
    return dataset.with_options(options)


def _checked_size(size, channels):
    size = (size, size) if whole(size, -math.inf) else size
    if not every(size, numbers.Integral) or len(size) != 2 or not all(whole(n, 1) for n in size):
        raise UserError(f"size {short(size)} is no picture: give (height, width).")
    if not whole(channels, 1) or channels not in (1, 3):
        raise UserError(f"{short(channels)} channels: pictures are loaded with 1 (grey) or 3 (RGB).")
    return tuple(map(int, size))


def _check(*, split, seed=0, data_dir=None, limit=None, skip_broken=0):
    """Raises UserError for what is no split's name, no seed, no folder, no number of examples or pictures."""
    if not isinstance(split, str) or not split:
        raise UserError(f"split is {short(split)}: give its name, such as 'train' or 'test'.")
    if not whole(seed, -math.inf):
        raise UserError(f"seed is {short(seed)}: give a whole number.")
    if data_dir is not None:
        path_of(data_dir, "data_dir")
    if limit is not None and not whole(limit, 1):
        raise UserError(f"a limit of {short(limit)} examples leaves nothing: give at least 1.")
    if not whole(skip_broken, 0):
        raise UserError(f"skip_broken is {short(skip_broken)}: give how many pictures may be broken.")


def _check_batch(batch_size, shard, start):
    if not whole(batch_size, 1) or not whole(start, 0):
        raise UserError(
            f"a batch of {short(batch_size)} from sample {short(start)}: give a batch of at least 1 and a start from 0."
        )
    if not every(shard, numbers.Integral) or len(shard) != 2 or not 0 <= shard[0] < shard[1]:
        raise UserError(f"shard is {short(shard)}: give (which, of how many), counted from 0.")
    if batch_size % shard[1] or start % shard[1]:
        raise UserError(f"a batch of {batch_size} does not divide over {shard[1]} workers: give a multiple.")
