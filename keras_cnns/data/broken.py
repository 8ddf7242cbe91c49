"""Broken samples: they are counted and skipped up to a limit, and beyond the limit an error names the file.

A sample is broken if its picture is empty, truncated or not a picture, or if its annotations are impossible.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

from keras_cnns.data import pillow
from keras_cnns.data.decoding import decoded
from keras_cnns.data.pillow import ADVICE, refusal
from keras_cnns.data.sources.sample import Sample
from keras_cnns.data.sources.source import Source
from keras_cnns.support.errors import UserError
from keras_cnns.support.messages import LOG

TRIES = 8  # samples in a row that are tried before a training sample is replaced by a black picture


class Broken:
    """The broken samples of one source, by number.

    Attributes:
      source: the samples.
      limit: how many samples may be broken.
      numbers: the broken samples that were read so far.
      failure: the message of the error, once more samples are broken than the limit allows. Every later read raises it
        again: the pipeline reads ahead in several threads, and what it read before the error must not hide it.
    """

    def __init__(self, source: Source, limit: int) -> None:
        self.source, self.limit = source, limit
        self.numbers: set[int] = set()
        self.failure = ""

    def check(self) -> None:
        """Raises UserError if more samples are broken than the limit allows."""
        if self.failure:
            raise UserError(self.failure)

    def note(self, number: int, reason: str) -> None:
        """Counts a broken sample, once, with a warning.

        Raises:
          UserError: more samples are broken than the limit allows.
        """
        self.check()
        if number in self.numbers:
            return
        self.numbers.add(number)
        if len(self.numbers) > self.limit:
            self.failure = reason + (f" Skipped before it: {self.limit}." if self.limit else "")
        self.check()  # a plain UserError: its name is in the text of the error that TensorFlow raises
        LOG.warning("skipped: %s", reason.removesuffix(ADVICE))

    def decoded(self, number: int, tries: int) -> Sample | None:
        """The first usable sample with boxes or masks from `number` on, decoded; None if all are broken."""
        self.check()
        for k in range(tries):
            candidate = (number + k) % self.source.count
            if candidate in self.numbers:
                continue
            try:
                return decoded(self.source, candidate)
            except UserError as error:
                self.note(candidate, str(error))
        return None

    def _no_label(self) -> tf.Tensor:
        labels = self.source.labels
        if labels is not None and labels.ndim == 2:
            return tf.zeros(labels.shape[1:], labels.dtype)
        return tf.zeros([], tf.int64)

    def attempt(self, number: tf.Tensor, use: Callable, *, shape: tuple[int, ...], tries: int) -> tuple:
        """The first usable sample with a label from `number` on. TensorFlow traces this method.

        Args:
          number: int64 scalar.
          use: a function from the picture as the source stores it to the picture at its size, float32 of the `shape`.
            If it raises an error, the sample is broken.

        Returns:
          (picture, label, good). If all `tries` samples are broken, good is False and the picture is black.
        """

        def candidate(
            k: tf.Tensor,
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:  # black after all tries, so that there is always a picture
            picture, label = tf.cond(
                k < tries,
                lambda: self.trusting((number + k) % self.source.count, use)[:2],
                lambda: (tf.zeros(shape), self._no_label()),
            )
            return picture, label, k

        candidates = tf.data.Dataset.range(tries + 1).map(candidate).ignore_errors()
        picture, label, k = candidates.take(1).get_single_element()
        noted = tf.cond(k > 0, lambda: tf.numpy_function(self._note_first, [number, k], tf.int64), lambda: k)
        with tf.control_dependencies([noted]):
            return tf.ensure_shape(picture, shape), label, k < tries

    def trusting(self, number: tf.Tensor, use: Callable) -> tuple:
        """Like `attempt` for this sample alone; raises TensorFlow's error if the sample is broken."""
        sample = self.source.read(number)
        if sample.label.shape.rank:  # several labels, read from a table
            return use(sample.picture), tf.identity(sample.label), tf.constant(True)
        inside = (sample.label >= 0) & (sample.label < len(self.source.names))
        with tf.control_dependencies([tf.debugging.Assert(inside, [sample.label])]):
            return use(sample.picture), tf.identity(sample.label), tf.constant(True)

    def _note_first(self, number: Any, count: Any) -> np.int64:
        """Notes `count` samples from `number` on."""
        self.check()
        for k in range(count):
            broken = int(number + k) % self.source.count
            if broken not in self.numbers:
                self.note(broken, refusal(f"{self.source.where(broken)} {self.fault(broken)}"))
        return np.int64(0)

    def fault(self, number: int) -> str:
        """What is wrong with a sample with a label, as the end of a sentence.

        Raises:
          UserError: the data set as a whole cannot be read.
        """
        try:
            sample = self.source.read(tf.constant(number, tf.int64))
        except tf.errors.OpError as error:
            if self.source.remedy:
                where, remedy = self.source.where(number), self.source.remedy
                raise UserError(f"{where} has no picture with a label: {remedy}.") from error
            return f"cannot be read ({system_reason(error)})"
        if not sample.label.shape.rank and not 0 <= int(sample.label) < len(self.source.names):
            return f"has the label {int(sample.label)}, outside 0..{len(self.source.names) - 1}"
        data = sample.picture.numpy()
        return pillow.fault(data) if isinstance(data, bytes) else "is a damaged picture"


def system_reason(error: tf.errors.OpError) -> str:
    """The operating system's reason why a file cannot be read, from TensorFlow's error."""
    return error.message.rsplit("; ", 1)[-1].splitlines()[0]


@contextmanager
def explained() -> Iterator[None]:
    """Raises a `UserError` of the input pipeline as such, instead of the TensorFlow error that wraps it."""
    try:
        yield
    except tf.errors.OpError as error:
        kinds: list[type[UserError]] = [UserError, *UserError.__subclasses__()]
        names = "|".join(kind.__name__ for kind in kinds)
        wrapped = re.search(rf"(?:{names}): (.*)", error.message)
        if wrapped is None:
            raise
        raise UserError(wrapped.group(1).strip()) from None
