"""A data set by name becomes batches (`load`) or arrays (`load_arrays`): pictures with labels, boxes or masks."""

import math
import numbers
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from keras_cnns.data.augment.apply import finish
from keras_cnns.data.augment.settings import Augment
from keras_cnns.data.batches import Data, Samples, batched
from keras_cnns.data.broken import Broken
from keras_cnns.data.classes import unbalanced
from keras_cnns.data.cropped import LabelledSamples, centred
from keras_cnns.data.placed import PlacedSamples
from keras_cnns.data.sources.by_name import Target, open_source
from keras_cnns.support import messages
from keras_cnns.support.errors import BadArgument
from keras_cnns.support.validation import every, path_of, short, whole

LABELLED = ("label", "labels")  # targets of pictures that are cropped, not resized to fit


def load(
    name: Any,
    *,
    size: int | Sequence[int],
    target: Target = "label",
    channels: int = 3,
    batch_size: int,
    split: str = "train",
    training: bool | None = None,
    augment: Augment | dict | None = None,
    seed: int = 0,
    data_dir: Any = None,
    download: bool = False,
    start: int = 0,
    limit: int | None = None,
    shard: tuple[int, int] = (0, 1),
    deterministic: bool = True,
    skip_broken: int = 0,
    shuffle: bool = True,
) -> Data:
    """The batches of a data set.

    A training stream is a pure function of (name, seed, augment, batch_size): sample number n of the run is always the
    same picture with the same augmentation, so a run resumed with `start` sees what an uninterrupted one would have
    seen.

    Args:
      name: "digits", a name of tensorflow-datasets, "folder:PATH", or for boxes and masks "scenes"; see
        `sources/by_name.py`.
      size: (height, width) of the network's input, or one number for both.
      target: what comes with each picture.
        "label": int64 [B].
        "labels": float32 [B, classes] of 0 and 1; in evaluation a dict of these labels and of "number" int64 [B], the
        number of the picture in the split.
        "mask": int32 [B, H, W], the class of each pixel, 255 if it has none.
        "boxes": a dict of boxes float32 [B, most, 4], (x1, y1, x2, y2) in pixels, of classes int32, ignored and crowd
        bool [B, most], of which the first `count` int32 [B] are used; of scale float32 [B], the factor by which the
        picture was resized; and of number int64 [B], the number of the sample in the run.
      channels: 1 or 3; 3 for boxes and masks.
      batch_size: pictures in a batch over all shards.
      split: "train", "test" (the held-out pictures, whatever the data set calls them), or a split of
        tensorflow-datasets ("validation", "train[:10%]").
      training: whether the batches are shuffled, augmented and endless; by default for the split "train" only.
      augment: an `Augment`, or a dict of its fields. In evaluation only its `crop_fraction` counts, and whether the
        crop is "whole". Boxes and masks follow mirror, zoom, mosaic, jitter, hue and pca_noise; pictures with them are
        resized to fit, with a grey border, instead of cropped.
      seed: seed of the order and of the augmentation.
      data_dir: the folder of tensorflow-datasets; by default its own.
      download: whether to download and prepare a data set that is missing.
      start: number of the first sample, that is, finished steps times batch_size; only in training.
      limit: largest number of samples; they are spread evenly over the split.
      shard: (i, n): the i-th of n equal slices of every batch, for the i-th of n workers, counted from 0.
      deterministic: whether samples stay in order; False lets fast pictures overtake slow ones.
      skip_broken: largest number of broken samples to skip, each with a warning in the log "keras_cnns".
      shuffle: False keeps the order of the split in training.

    Raises:
      UserError: the data set is unknown or not prepared, the split is unknown, a setting is impossible, or more than
        `skip_broken` samples are broken. A small data set, which is kept in memory, raises at once; a large one raises
        while it is read.

    Example:
      >>> data = keras_cnns.data.load("folder:flowers", size=224, batch_size=32, augment={"mirror": True})
      >>> pictures, labels = next(iter(data.dataset))
    """
    how, sides = Augment.of(augment), checked_size(size, channels)
    _check(split=split, seed=seed, data_dir=data_dir, limit=limit, skip_broken=skip_broken)
    training = split.startswith("train") if training is None else training
    _check_batch(batch_size, shard, start)
    source = open_source(name, split, target, size=sides, data_dir=data_dir, download=download, limit=limit)
    if training and target == "label" and (uneven := unbalanced(source)):
        messages.once(f"{name}: {uneven}")
    broken = Broken(source, skip_broken)
    samples = _samples(broken, target, sides, channels, how, training)
    last = finisher(how, len(source.names)) if training and target in LABELLED else None
    order: dict[str, Any] = {
        "seed": int(seed),
        "shuffle": shuffle,
        "start": start,
        "shard": shard,
        "deterministic": deterministic,
    }
    return batched(samples, broken, batch_size=batch_size, training=training, finish=last, **order)


def _samples(
    broken: Broken, target: Target, size: tuple[int, int], channels: int, augment: Augment, training: bool
) -> Samples:
    if target in LABELLED:
        return LabelledSamples(broken, size, channels, augment, training)
    return PlacedSamples(broken, size, channels, augment, training, mask=target == "mask")


def finisher(augment: Augment | dict | None, classes: int) -> Callable:
    """The last part of the augmentation of labelled pictures, see `Data.finish`; None if there is nothing to do."""
    return partial(finish, how=Augment.of(augment), classes=classes)


def load_arrays(
    name: Any,
    split: str = "test",
    *,
    size: int | Sequence[int],
    target: Target = "label",
    channels: int = 3,
    limit: int | None = None,
    crop: str = "centre",
    crop_fraction: float = 1.0,
    data_dir: Any = None,
    download: bool = False,
    skip_broken: int = 0,
) -> tuple[np.ndarray, Any, tuple[str, ...]]:
    """Loads a split into memory, cropped and resized as in evaluation.

    The arguments are those of `load`. crop and crop_fraction are those of `Augment`, for labelled pictures.

    Returns:
      (pictures uint8 [N, H, W, channels], targets, names of the classes). Targets are labels int64 [N] or float32
      [N, classes], masks int32 [N, H, W], or a list of N `Sample`s with their boxes.

    Raises:
      UserError: for the same reasons as `load`.

    >>> pictures, labels, names = keras_cnns.data.load_arrays("folder:photos", "test", size=224)
    """
    sides = checked_size(size, channels)
    _check(split=split, data_dir=data_dir, limit=limit, skip_broken=skip_broken)
    how = Augment.of({"crop": crop, "crop_fraction": crop_fraction})
    source = open_source(name, split, target, size=sides, data_dir=data_dir, download=download, limit=limit)
    broken = Broken(source, skip_broken)
    if target in LABELLED:
        images, labels = centred(broken, sides, channels, how).everything()
        return images, labels, source.names
    placed = PlacedSamples(broken, sides, channels, how, training=False, mask=target == "mask")
    samples = [sample for n in range(source.count) if (sample := placed.array(n)) is not None]
    if not samples:
        raise BadArgument(f"all pictures are broken, {source.where(0)} among them: give other data.")
    targets: Any = np.stack([s.mask for s in samples]).astype(np.int32) if target == "mask" else samples
    return np.stack([sample.picture for sample in samples]), targets, source.names


def checked_size(size: Any, channels: Any) -> tuple[int, int]:
    """(height, width). Raises UserError if `size` is not a size, or the number of channels is not 1 or 3."""
    sides = (size, size) if whole(size, -math.inf) else size
    if not every(sides, numbers.Integral) or len(sides) != 2 or not all(whole(n, 1) for n in sides):
        raise BadArgument(f"size is {short(size)}: give (height, width) in pixels.")
    if not whole(channels, 1) or channels not in (1, 3):
        raise BadArgument(f"channels is {short(channels)}: give 1 (grey) or 3 (RGB).")
    height, width = map(int, sides)
    return height, width


def _check(*, split: Any, seed: Any = 0, data_dir: Any = None, limit: Any = None, skip_broken: Any = 0) -> None:
    """Raises UserError if one of these arguments of `load` has the wrong type or is out of range."""
    if not isinstance(split, str) or not split:
        raise BadArgument(f"split is {short(split)}: give its name, such as 'train' or 'test'.")
    if not whole(seed, -math.inf):
        raise BadArgument(f"seed is {short(seed)}: give a whole number.")
    if data_dir is not None:
        path_of(data_dir, "data_dir")
    if limit is not None and not whole(limit, 1):
        raise BadArgument(f"limit is {short(limit)}: give at least 1 example.")
    if not whole(skip_broken, 0):
        raise BadArgument(f"skip_broken is {short(skip_broken)}: give how many pictures may be broken.")


def _check_batch(batch_size: Any, shard: Any, start: Any) -> None:
    if not whole(batch_size, 1) or not whole(start, 0):
        raise BadArgument(
            f"a batch of {short(batch_size)} from sample {short(start)}: give a batch of at least 1 and a start from 0."
        )
    if not every(shard, numbers.Integral) or len(shard) != 2 or not 0 <= shard[0] < shard[1]:
        raise BadArgument(f"shard is {short(shard)}: give (which, of how many), counted from 0.")
    if batch_size % shard[1] or start % shard[1]:
        raise BadArgument(f"a batch of {batch_size} does not divide over {shard[1]} workers: give a multiple.")
