"""Pictures with boxes or with a label for every pixel, in batches: `data.load` for segmentation and detection."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import tensorflow as tf

from keras_cnns.data.augment.settings import Augment
from keras_cnns.data.pipeline import WORKERS, Data
from keras_cnns.data.sources import shapes
from keras_cnns.errors import UserError

GROUND = "ground"  # the name of class 0 of a mask
KEPT = 6000  # scenes that are drawn once and kept, 64 kB each at 128 pixels


@dataclass(frozen=True)
class Located:
    """One split. names: of the boxes' classes. most: boxes in a picture.
    read: number (an int), (height, width) -> a `shapes.Scene` of that size."""

    names: tuple
    count: int
    most: int
    read: object


def open_located(name, split):
    """The pictures of a data set with their boxes and masks.

    Raises:
      UserError: there is no such data set or split.
    """
    if name != shapes.NAME:
        raise UserError(f"no boxes and masks are known of {name!r}: take --dataset {shapes.NAME}.")
    if split not in shapes.COUNTS:
        raise UserError(f"{name} has no split {split!r}: it has {', '.join(shapes.COUNTS)}.")
    names = tuple(str(digit) for digit in range(shapes.CLASSES))
    return Located(names, shapes.COUNTS[split], shapes.MOST, lambda number, size: _scene(number, split, size))


_scene = lru_cache(maxsize=KEPT)(shapes.scene)


def load_located(
    name, targets, *, size, batch_size, split="train", training=None, augment=None, seed=0, start=0, shard=(0, 1)
):
    """The batches of a data set with boxes or masks; a training stream is a pure function of (name, seed, batch_size).

    Args:
      name: "scenes".
      targets: "mask": int32 [B, H, W], 0 for the ground; "boxes": a dict of boxes float32 [B, most, 4], classes int32
        [B, most], of which the first `count` int32 [B] are there, and number int64 [B], of the sample in the run.
      size, batch_size, split, training, seed, start, shard: as for `data.load`.
      augment: not applied yet to what moves with the pixels, so it must be the default.

    Returns:
      A `Data` of (image float32 [B, H, W, 3], target) or, in evaluation, (image, target, weight).

    Raises:
      UserError: as `open_located`; an augmentation is asked for.
    """
    training = split.startswith("train") if training is None else training
    if Augment.of(augment) != Augment():
        raise UserError("boxes and masks are not augmented yet: leave out the --augment flags.")
    source, size = open_located(name, split), tuple(size)
    share, (which, shards) = batch_size // shard[1], shard
    mask = targets == "mask"
    shapes_of = (size + (3,), size) if mask else (size + (3,), (source.most, 4), (source.most,), ())
    types = (tf.uint8, tf.uint8) if mask else (tf.uint8, tf.float32, tf.int32, tf.int32)

    def read(number):
        scene = source.read(int(number), size)
        if mask:
            return scene.image, scene.mask
        boxes, classes = np.zeros((source.most, 4), np.float32), np.zeros(source.most, np.int32)
        boxes[: len(scene.boxes)], classes[: len(scene.boxes)] = scene.boxes, scene.classes
        return scene.image, boxes, classes, np.int32(len(scene.boxes))

    def sample(index):
        index = index // share * batch_size + which * share + index % share  # of the run, not of this shard
        number = index
        if training:
            order = tf.stack([tf.constant(seed % 2**31), 0, tf.cast(index // source.count, tf.int32)])
            number = tf.random_index_shuffle(index % source.count, order, max_index=source.count - 1)
        parts = tf.numpy_function(read, [number % source.count], types)
        image, *parts = (tf.ensure_shape(part, shape) for part, shape in zip(parts, shapes_of, strict=True))
        if mask:
            target = tf.cast(parts[0], tf.int32)
        else:
            target = dict(zip(("boxes", "classes", "count"), parts, strict=True)) | {"number": index}
        image = tf.cast(image, tf.float32)
        return (image, target) if training else (image, target, tf.cast(index < source.count, tf.float32))

    steps = source.count // batch_size if training else -(-source.count // batch_size)
    end = np.iinfo(np.int64).max if training else steps * batch_size // shards
    dataset = tf.data.Dataset.range(start // shards, end).map(sample, num_parallel_calls=WORKERS)
    dataset = dataset.batch(share, drop_remainder=True).prefetch(2)
    names = (GROUND, *source.names) if mask else source.names
    return Data(dataset, None, len(names), names, source.count, max(1, steps), None)
