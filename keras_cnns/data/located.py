"""Pictures with boxes or with a label for every pixel, in batches: `data.load` for segmentation and detection."""

from dataclasses import replace

import numpy as np
import tensorflow as tf

from keras_cnns.data.augment import moved
from keras_cnns.data.augment.apply import augmented
from keras_cnns.data.augment.random import Random, uniform
from keras_cnns.data.augment.settings import Augment
from keras_cnns.data.pipeline import WORKERS, Data
from keras_cnns.data.placed import fitting, place
from keras_cnns.data.sources.objects import open_located
from keras_cnns.support.errors import UserError

MOVES = {"mirror", "zoom", "mosaic"}  # of the augmentations, those that boxes and masks go along with
COLOURS = {"jitter", "hue", "pca_noise"}
MIXED = 4  # pictures in a mosaic


def load_located(
    name,
    targets,
    *,
    size,
    batch_size,
    split="train",
    training=None,
    augment=None,
    seed=0,
    start=0,
    shard=(0, 1),
    data_dir=None,
    download=False,
):
    """The batches of a data set with boxes or masks; a training stream is a pure function of (name, seed, batch_size).

    A picture of another size is laid into the network's as large as it fits, from the upper left corner.

    Args:
      name: see `sources.objects.open_located`.
      targets: "mask": int32 [B, H, W], 0 for the ground, VOID where no class can claim a pixel; "boxes": a dict of
        boxes float32 [B, most, 4], classes int32 and ignored and crowd bool [B, most], of which the first `count`
        int32 [B] are there, scale float32 [B], how many times larger the picture is than it was, and number int64 [B],
        of the sample in the run.
      size, batch_size, split, training, seed, start, shard, data_dir, download: as for `data.load`.
      augment: mirror, zoom, mosaic, jitter, hue and pca_noise of `Augment`; others must be the defaults.

    Returns:
      A `Data` of (image float32 [B, H, W, 3], target) or, in evaluation, (image, target, weight).

    Raises:
      UserError: as `open_located`; an augmentation that boxes and masks cannot follow.
    """
    training = split.startswith("train") if training is None else training
    how = _followed(Augment.of(augment))
    source = open_located(name, split, targets, data_dir=data_dir, download=download)
    share, (which, shards) = batch_size // shard[1], shard
    size, mask = tuple(size), targets == "mask"
    most = source.most * (MIXED if training and how.mosaic else 1)
    shapes_of = [(*size, 3), size] if mask else [(*size, 3), (most, 4), (most,), (most,), (most,), (), ()]
    types = [tf.uint8, tf.int32] if mask else [tf.uint8, tf.float32, tf.int32, tf.bool, tf.bool, tf.int32, tf.float32]

    def read(number, others, u):
        scene, scale = source.read(int(number), size), 1.0
        if training and how.mosaic and u[0] < how.mosaic:
            scene = moved.mosaic([scene, *(source.read(int(n), size) for n in others)], size, u[5:])
        elif training and how.zoom != (1.0, 1.0):
            scene = moved.zoomed(scene, size, how.zoom, u[1:4])
        else:
            scale = fitting(scene.image.shape[:2], size)
            scene = place(scene, size, scale)
        if training and how.mirror and u[4] < 0.5:
            scene = moved.mirrored(scene)
        if mask:
            return scene.image, np.asarray(scene.mask, np.int32)
        return (scene.image, *_padded(scene, most), np.float32(scale))

    def numbered(index):
        if not training:
            return index % source.count
        order = tf.stack([tf.constant(seed % 2**31), 0, tf.cast(index // source.count, tf.int32)])
        return tf.random_index_shuffle(index % source.count, order, max_index=source.count - 1)

    colours = replace(how, mirror=False)

    def sample(index):
        index = index // share * batch_size + which * share + index % share  # of the run, not of this shard
        u = uniform(seed, index, 1)[0]
        others = tf.cast(u[-3:] * source.count, tf.int64)
        parts = tf.numpy_function(read, [numbered(index), others, u], types)
        image, *parts = (tf.ensure_shape(part, shape) for part, shape in zip(parts, shapes_of, strict=True))
        image = tf.cast(image, tf.float32)
        if training and colours.changes:
            image = augmented(image, colours, Random(u[32:-3]))
        target = parts[0] if mask else dict(zip(BOXES, parts, strict=True)) | {"number": index}
        return (image, target) if training else (image, target, tf.cast(index < source.count, tf.float32))

    if not source.count:
        raise UserError(f"{name} has no pictures in its split {split!r}.")
    steps = source.count // batch_size if training else -(-source.count // batch_size)
    end = np.iinfo(np.int64).max if training else steps * batch_size // shards
    dataset = tf.data.Dataset.range(start // shards, end).map(sample, num_parallel_calls=WORKERS)
    dataset = dataset.batch(share, drop_remainder=True).prefetch(2)
    return Data(dataset, None, len(source.names), source.names, source.count, max(1, steps), None)


def located_arrays(name, targets, split="test", *, size, limit=None, data_dir=None):
    """A split, or an even part of it, in memory, as evaluation sees it.

    Returns:
      (images uint8 [N, H, W, 3], masks int32 [N, H, W] or, with targets "boxes", None, names)

    Raises:
      UserError: as `load_located`.
    """
    source, size = open_located(name, split, targets, data_dir=data_dir), tuple(size)
    count = source.count if limit is None else min(limit, source.count)
    if not count:
        raise UserError(f"{name} has no pictures in its split {split!r}.")
    scenes = []
    for number in np.unique(np.linspace(0, source.count - 1, count).round().astype(int)):
        scene = source.read(int(number), size)
        scenes.append(place(scene, size, fitting(scene.image.shape[:2], size)))
    masks = np.stack([scene.mask for scene in scenes]).astype(np.int32) if targets == "mask" else None
    return np.stack([scene.image for scene in scenes]), masks, source.names


BOXES = ("boxes", "classes", "ignored", "crowd", "count", "scale")


def _padded(scene, most):
    """boxes, classes, ignored and crowd filled up to `most`, and how many there are."""
    count = min(len(scene.boxes), most)
    filled = [np.zeros((most, 4), np.float32), np.zeros(most, np.int32), np.zeros(most, bool), np.zeros(most, bool)]
    for whole, part in zip(filled, (scene.boxes, scene.classes, scene.ignored, scene.crowd), strict=True):
        whole[: min(count, len(part))] = part[:count]
    return (*filled, np.int32(count))


def _followed(how):
    """The settings, if boxes and masks can follow all of them."""
    default = Augment()
    asked = {name for name in vars(default) if getattr(how, name) != getattr(default, name)}
    wrong = sorted(asked - MOVES - COLOURS)
    if wrong:
        raise UserError(f"boxes and masks do not follow augment.{wrong[0]}: take {', '.join(sorted(MOVES | COLOURS))}.")
    return how
