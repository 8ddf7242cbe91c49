"""Pictures that cannot be used: counted and skipped up to a limit, named and refused beyond it.

They are empty, cut short, no pictures at all, or their label is none of the classes.
"""

import logging
import re
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from keras_cnns.data import pillow
from keras_cnns.data.pictures import refusal
from keras_cnns.support.errors import UserError

TRIES = 8  # pictures in a row, before a training sample is given up
LOG = logging.getLogger("keras_cnns")


class Broken:
    """The broken examples of one source, by number."""

    def __init__(self, source, limit):
        self.source, self.limit, self.numbers = source, limit, set()

    def attempt(self, number, use, *, shape, tries):
        """The first example from `number` on that can be used; the next ones stand in for broken ones.

        Args:
          number: int64 scalar.
          use: picture -> picture at its size, float32 of the `shape`; where it raises, the example is broken.

        Returns:
          (picture, label, good): good is False, and the picture nothing, where all `tries` are broken.
        """

        def example(k):  # nothing, after all tries, so that something is always found
            picture, label = tf.cond(
                k < tries,
                lambda: self.trusting((number + k) % self.source.count, use)[:2],
                lambda: (tf.zeros(shape), tf.zeros([], tf.int64)),
            )
            return picture, label, k

        found = tf.data.Dataset.range(tries + 1).map(example).ignore_errors().take(1).get_single_element()
        picture, label, k = found
        noted = tf.cond(k > 0, lambda: tf.numpy_function(self._note, [number, k], tf.int64), lambda: k)
        with tf.control_dependencies([noted]):
            return tf.ensure_shape(picture, shape), label, k < tries

    def trusting(self, number, use):
        """The same, raising TensorFlow's errors where the example is broken."""
        picture, label = self.source.read(number)
        inside = (label >= 0) & (label < len(self.source.names))
        with tf.control_dependencies([tf.debugging.Assert(inside, [label])]):
            return use(picture), tf.identity(label), tf.constant(True)

    def _note(self, number, k):
        for i in range(k):
            broken = int(number + i) % self.source.count
            if broken in self.numbers:
                continue
            self.numbers.add(broken)
            what = f"{self.source.where(broken)} {self.reason(broken)}"
            if len(self.numbers) > self.limit:
                raise UserError(refusal(what + (f", after {self.limit} others" if self.limit else "")))
            LOG.warning("skipped: %s", what)
        return np.int64(0)

    def reason(self, number):
        """What is wrong with an example, as the end of a sentence.

        Raises:
          UserError: it is the data set that cannot be read, and no picture that is broken.
        """
        try:
            picture, label = self.source.read(tf.constant(number, tf.int64))
        except tf.errors.OpError as error:
            if self.source.remedy:
                where, why = self.source.where(number), self.source.remedy
                raise UserError(f"{where} holds no picture with a label that can be found: {why}.") from error
            return f"cannot be read ({why_not(error)})"
        if not 0 <= int(label) < len(self.source.names):
            return f"has the label {int(label)}, outside 0..{len(self.source.names) - 1}"
        data = picture.numpy()
        return pillow.fault(data) if isinstance(data, bytes) else "is a damaged picture"


def why_not(error):
    """The system's own word on why a file cannot be read, from TensorFlow's error."""
    return error.message.rsplit("; ", 1)[-1].splitlines()[0]


@contextmanager
def explained():
    """Turns the error in which TensorFlow wraps a `UserError` of the input pipeline back into it."""
    try:
        yield
    except tf.errors.OpError as error:
        wrapped = re.search(r"UserError: (.*)", error.message)
        if wrapped is None:
            raise
        raise UserError(wrapped.group(1).strip()) from None
