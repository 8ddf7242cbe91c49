"""A data set by name becomes batches: `load` for training and evaluation, `load_arrays` for calibration and reports."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_cnns.errors import UserError
from keras_cnns.training import crops
from keras_cnns.training.augment import Augment, augment
from keras_cnns.training.decode import decode
from keras_cnns.training.dice import Dice
from keras_cnns.training.folder import open_folder
from keras_cnns.training.source import Source
from keras_cnns.training.tfds_source import open_tfds

FOLDER = "folder:"
CACHED_BYTES = 2**28  # data sets that are smaller at the network's size are decoded once and kept


@dataclass(frozen=True)
class Data:
    """Batches of one split.

    dataset: training: (image, label) without end; evaluation: (image, label, weight), once. image float32 [B, H, W, C]
      0..255; label int64 [B], or float32 [B, classes] where pictures are mixed or labels smoothed; weight float32 [B],
      0 for the padding of the last batch.
    classes, names: how many classes there are, and what they are called.
    count: examples in the split. steps: batches of an epoch (in training, of the pictures seen in whole batches).
    """

    dataset: tf.data.Dataset
    classes: int
    names: tuple
    count: int
    steps: int


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
    crop_fraction=1.0,
    shard=(0, 1),
    deterministic=True,
):
    """The batches of a data set.

    A training stream is a pure function of (name, seed, augment, batch_size): sample number n of the run is always the
    same picture in the same guise, so a run resumed with `start` sees what the uninterrupted one would have seen.

    Args:
      name: "digits", a name of tensorflow-datasets, or "folder:PATH".
      size: (height, width) of the network's input, or one number for both.
      channels: 1 or 3.
      batch_size: pictures in a batch over all shards.
      split: "train", "test" (the held-out pictures, whatever the data set calls them), or tensorflow-datasets' own
        words ("validation", "train[:10%]").
      training: shuffled, augmented and without end; by default for the train split only.
      augment: an `Augment`, or a dict of its fields; training only.
      seed: of the order and of the augmentation.
      data_dir: where tensorflow-datasets keeps its files; its own default otherwise.
      download: fetch and prepare a data set that is not there.
      start: number of the first sample, that is, steps done times batch_size; training only.
      limit: so many examples only, spread evenly over the split.
      crop_fraction: of the evaluated centre crop, see `crops.centre`.
      shard: (i, n): the i-th of n equal slices of every batch, for the i-th of n workers.
      deterministic: samples stay in order; False lets fast pictures overtake slow ones.

    Raises:
      UserError: an unknown or unprepared data set, an unknown split, sizes that make no sense.
    """
    training = split.startswith("train") if training is None else training
    how = Augment(**augment) if isinstance(augment, dict) else augment or Augment()
    size = _checked_size(size, channels)
    _check_batch(batch_size, shard, start)
    source = open_source(name, split, data_dir=data_dir, download=download, limit=limit)
    window = partial(crops.centre, size=size, fraction=crop_fraction)
    if source.count * size[0] * size[1] * channels <= CACHED_BYTES:
        source = _decoded(source, size, channels, window)
        window = None
    options = dict(size=size, channels=channels, batch_size=batch_size, shard=shard, deterministic=deterministic)
    if training:
        dataset = _training(source, how, seed=seed, start=start, window=window, **options)
        steps = max(1, source.count // batch_size)
    else:
        dataset = _evaluation(source, window=window, **options)
        steps = -(-source.count // batch_size)
    return Data(dataset, len(source.names), source.names, source.count, steps)


def load_arrays(name, split="test", *, size, channels=3, limit=None, crop_fraction=1.0, data_dir=None, download=False):
    """A split, or an even part of it, in memory.

    Returns:
      (images uint8 [N, H, W, channels], labels int64 [N], names)

    Raises:
      UserError: as `load`.
    """
    size = _checked_size(size, channels)
    source = open_source(name, split, data_dir=data_dir, download=download, limit=limit)
    images, labels = _pixels(source, size, channels, partial(crops.centre, size=size, fraction=crop_fraction))
    return images, labels, source.names


def open_source(name, split, *, data_dir=None, download=False, limit=None):
    """The examples of a split by number, still encoded."""
    if str(name).startswith(FOLDER):
        source = open_folder(str(name)[len(FOLDER) :], split)
    elif Path(str(name)).is_dir():
        raise UserError(f"{name} is a folder: write {FOLDER}{name}.")
    else:
        source = open_tfds(name, split, data_dir=data_dir, download=download)
    if limit is None or limit >= source.count:
        return source
    if limit < 1:
        raise UserError(f"a limit of {limit} examples leaves nothing: give at least 1.")
    every = source  # spread evenly, since a folder's pictures stand class by class
    return replace(
        source,
        count=limit,
        read=lambda number: every.read(number * every.count // limit),
        where=lambda number: every.where(number * every.count // limit),
    )


def _training(source, how, *, size, channels, batch_size, shard, deterministic, seed, start, window):
    def sample(index):
        epoch, place = index // source.count, index % source.count
        number = tf.random_index_shuffle(place, [seed, 0, tf.cast(epoch, tf.int32)], max_index=source.count - 1)
        picture, label = source.read(number)
        picture = _sized(picture, size, channels, window)
        return augment(picture, how, Dice(seed, index)), label

    return _batches(_indices(start, None, batch_size, shard), sample, size, channels, batch_size, shard, deterministic)


def _evaluation(source, *, size, channels, batch_size, shard, deterministic, window):
    def sample(index):
        picture, label = source.read(index % source.count)
        weight = tf.cast(index < source.count, tf.float32)
        return _sized(picture, size, channels, window), label, weight

    padded = -(-source.count // batch_size) * batch_size
    return _batches(_indices(0, padded, batch_size, shard), sample, size, channels, batch_size, shard, deterministic)


def _indices(start, end, batch_size, shard):
    """Sample numbers of this shard: its slice of every batch, one batch after the other."""
    which, shards = shard
    share = batch_size // shards
    local = tf.data.Dataset.range(start // shards, np.iinfo(np.int64).max if end is None else end // shards)
    return local if shards == 1 else local.map(lambda k: k // share * batch_size + which * share + k % share)


def _batches(indices, sample, size, channels, batch_size, shard, deterministic):
    options = tf.data.Options()
    options.deterministic = deterministic
    options.autotune.enabled = True
    dataset = indices.map(sample, num_parallel_calls=tf.data.AUTOTUNE, deterministic=deterministic)
    dataset = dataset.batch(batch_size // shard[1], drop_remainder=True)
    return dataset.with_options(options).prefetch(tf.data.AUTOTUNE)


def _sized(picture, size, channels, window):
    """float32 [H, W, channels] 0..255; window None: the picture has its size already."""
    if window is None:
        return tf.cast(picture, tf.float32)
    picture = decode(picture, channels, window)
    return tf.ensure_shape(tf.image.resize(picture, size, antialias=True), [*size, channels])


def _pixels(source, size, channels, window):
    """Every picture at its size: uint8 [N, H, W, channels], int64 [N]."""

    def sample(number):
        picture, label = source.read(number)
        return tf.cast(tf.round(tf.clip_by_value(_sized(picture, size, channels, window), 0, 255)), tf.uint8), label

    dataset = tf.data.Dataset.range(source.count).map(sample, num_parallel_calls=tf.data.AUTOTUNE)
    batches = list(dataset.batch(256).as_numpy_iterator())
    return tuple(np.concatenate(parts) for parts in zip(*batches, strict=True))


def _decoded(source, size, channels, window):
    images, labels = _pixels(source, size, channels, window)
    images, labels = tf.constant(images), tf.constant(labels)
    return Source(source.names, source.count, lambda number: (images[number], labels[number]), source.where)


def _checked_size(size, channels):
    size = (size, size) if isinstance(size, int) else tuple(size)
    if len(size) != 2 or min(size) < 1:
        raise UserError(f"size {size} is no picture: give (height, width).")
    if channels not in (1, 3):
        raise UserError(f"{channels} channels: pictures are loaded with 1 (grey) or 3 (RGB).")
    return size


def _check_batch(batch_size, shard, start):
    if batch_size < 1 or start < 0:
        raise UserError(f"a batch of {batch_size} from sample {start}: give a batch of at least 1 and a start from 0.")
    if batch_size % shard[1] or start % shard[1]:
        raise UserError(f"a batch of {batch_size} does not divide over {shard[1]} workers: give a multiple.")
