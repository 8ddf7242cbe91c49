"""Pictures with labels at the network's size: cropped when they are read, or kept in memory."""

import os
from collections.abc import Callable
from functools import partial

import numpy as np
import tensorflow as tf

from keras_cnns.data import pictures
from keras_cnns.data.augment import crops
from keras_cnns.data.augment.apply import chance
from keras_cnns.data.augment.random import Random
from keras_cnns.data.augment.settings import Augment
from keras_cnns.data.broken import TRIES, Broken, explained
from keras_cnns.support.errors import BadArgument

WORKERS = os.cpu_count() or 1
CACHED_BYTES = 2**28  # data sets that are smaller at the network's size are decoded once and kept


class Cropped:
    """The samples of a source of labels, decoded, cropped and resized when they are read."""

    def __init__(self, broken: Broken, size: tuple[int, int], channels: int, window: Callable) -> None:
        """window: a function from a sample's row of `crops.plan` to its crop, see `crops.py`."""
        self.broken, self.size, self.channels, self.window = broken, size, channels, window
        self.count, self.shape = broken.source.count, (*size, channels)

    def read(self, number: tf.Tensor, plan: tf.Tensor | None = None, tries: int = 1) -> tuple:
        """(picture float32 [H, W, C], label int64, good) of a sample, int64 scalar; see `Broken.attempt`.

        tries: 0 raises TensorFlow's error if the sample is broken.
        """
        if not tries:
            return self.broken.trusting(number, self._picture(plan))
        return self.broken.attempt(number, self._picture(plan), shape=self.shape, tries=tries)

    def _picture(self, plan: tf.Tensor | None) -> Callable[[tf.Tensor], tf.Tensor]:
        return partial(pictures.picture, size=self.size, channels=self.channels, window=self.window(plan))

    def everything(self) -> tuple[np.ndarray, np.ndarray]:
        """All samples that are not broken: pictures uint8 [N, H, W, C], labels int64 [N]."""
        try:  # checking each picture takes as long as decoding a small one
            images, labels, good = self._pass(tries=0)
        except tf.errors.OpError:
            with explained():
                images, labels, good = self._pass(tries=1)
        if not good.any():
            raise BadArgument(f"all pictures are broken, {self.broken.source.where(0)} among them: give other data.")
        return images[good], labels[good]

    def _pass(self, tries: int) -> list[np.ndarray]:
        def sample(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            pixels, label, good = self.read(number, tries=tries)
            return tf.cast(tf.round(pixels), tf.uint8), label, good

        dataset = tf.data.Dataset.range(self.count).map(sample, num_parallel_calls=WORKERS)
        batches = list(dataset.batch(256).as_numpy_iterator())
        return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


class Kept:
    """Like `Cropped`, but the samples are kept in memory."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels, self.count = tf.constant(images), tf.constant(labels), len(labels)

    def read(self, number: tf.Tensor, plan: tf.Tensor | None = None, tries: int = 1) -> tuple:
        return tf.cast(self.images[number], tf.float32), self.labels[number], tf.constant(True)


class LabelledSamples:
    """Pictures with labels, as `load` batches them: (picture, label, chance) or (picture, label, weight).

    Attributes:
      count: samples in the split; without the broken ones if all samples were read in advance.
      sound: whether reading cannot fail.
    """

    def __init__(self, broken: Broken, size: tuple[int, int], channels: int, augment: Augment, training: bool) -> None:
        if augment.mosaic or augment.zoom != (1.0, 1.0):
            raise BadArgument(
                "augment.zoom and augment.mosaic are for boxes and masks: with labels use crop, scale or cutmix."
            )
        self.augment = augment
        self.view: Cropped | Kept
        if training and augment.crop in ("random", "random_resized"):
            window = partial(crops.window, size=size, how=augment)
            self.view = Cropped(broken, size, channels, lambda plan: partial(window, planned=plan))
        else:
            self.view = centred(broken, size, channels, augment)
            if broken.source.count * size[0] * size[1] * channels <= CACHED_BYTES:
                self.view = Kept(*self.view.everything())
        self.count, self.sound = self.view.count, isinstance(self.view, Kept)

    def plan(self, numbers: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """(crops, remaining random numbers) of samples, computed at once from their random numbers [N, NUMBERS]."""
        return crops.plan(numbers[:, : crops.NUMBERS], self.augment), numbers[:, crops.NUMBERS :]

    def training(
        self, index: tf.Tensor, number: tf.Tensor, plan: tf.Tensor, numbers: tf.Tensor, careful: bool
    ) -> tuple:
        """Sample `index` of the run, made from picture `number`. careful: whether the picture may be broken."""
        picture, label, _ = self.view.read(number, plan, TRIES if careful else 0)
        return picture, label, chance(self.augment, picture.shape[:2], Random(numbers))

    def evaluation(self, index: tf.Tensor, careful: bool) -> tuple:
        """Picture `index` of the split; after the last one, a picture of weight 0."""
        picture, label, good = self.view.read(index % self.count, tries=1 if careful else 0)
        if label.shape.rank:  # several labels: what is measured is a ranking of all pictures
            label = {"labels": label, "number": index % self.count}
        return tf.round(picture), label, tf.cast(good & (index < self.count), tf.float32)


def centred(broken: Broken, size: tuple[int, int], channels: int, augment: Augment) -> Cropped:
    """The pictures as evaluation sees them: the centre crop, or the whole picture."""
    window = crops.fixed(augment.crop, size, augment.crop_fraction)
    return Cropped(broken, size, channels, lambda plan: window)
