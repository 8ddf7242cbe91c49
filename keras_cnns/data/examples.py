"""The examples of a source as pictures at the network's size: decoded when they are read, or kept in memory."""

import os
from functools import partial

import numpy as np
import tensorflow as tf

from keras_cnns.data import pictures
from keras_cnns.data.broken import explained
from keras_cnns.support.errors import UserError

WORKERS = os.cpu_count() or 1


class Cropped:
    """The examples of a source, decoded, cropped and resized when they are read."""

    def __init__(self, broken, size, channels, window):
        """window: a sample's row of `crops.plan` -> its crop, see `crops.py`."""
        self.broken, self.size, self.channels, self.window = broken, size, channels, window
        self.count, self.shape = broken.source.count, (*size, channels)

    def read(self, number, plan=None, tries=1):
        """number int64 scalar -> (picture float32 [H, W, C], label int64, good); tries 0: raises where it is broken"""
        if not tries:
            return self.broken.trusting(number, self._picture(plan))
        return self.broken.attempt(number, self._picture(plan), shape=self.shape, tries=tries)

    def _picture(self, plan):
        return partial(pictures.picture, size=self.size, channels=self.channels, window=self.window(plan))

    def everything(self):
        """All that is not broken: uint8 [N, H, W, C], int64 [N]."""
        try:  # looking out for broken ones costs as much as decoding a small picture
            images, labels, good = self._pass(tries=0)
        except tf.errors.OpError:
            with explained():
                images, labels, good = self._pass(tries=1)
        if not good.any():
            raise UserError(f"{self.broken.source.where(0)} and all others are broken: nothing is left.")
        return images[good], labels[good]

    def _pass(self, tries):
        def sample(number):
            pixels, label, good = self.read(number, tries=tries)
            return tf.cast(tf.round(pixels), tf.uint8), label, good

        dataset = tf.data.Dataset.range(self.count).map(sample, num_parallel_calls=WORKERS)
        batches = list(dataset.batch(256).as_numpy_iterator())
        return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


class Kept:
    """The same from memory."""

    def __init__(self, images, labels):
        self.images, self.labels, self.count = tf.constant(images), tf.constant(labels), len(labels)

    def read(self, number, plan=None, tries=1):
        return tf.cast(self.images[number], tf.float32), self.labels[number], tf.constant(True)
