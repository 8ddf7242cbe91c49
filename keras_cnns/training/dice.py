"""All chance of one picture: numbers drawn at once from its index, dealt out in order.

An augmentation is a plain function of the picture and of numbers in [0, 1), so it can be computed twice, and a
resumed run sees what the uninterrupted one saw.
"""

import tensorflow as tf

SIDES = 160
PHILOX, DRAWN_TOGETHER = 1, 4  # TensorFlow's number of the generator, and how many numbers it draws from one count


def roll(seed, first, count):
    """The numbers of `count` samples from number `first` on: float32 [count, SIDES] in [0, 1).

    The generator counts on through them: those of a sample are the same alone or among others, and many at once take
    hardly longer than one.
    """
    counter = tf.stack([tf.cast(first, tf.uint64) * (SIDES // DRAWN_TOGETHER), 0])
    key = tf.constant([seed % 2**64], tf.uint64)
    return tf.raw_ops.StatelessRandomUniformV2(shape=[count, SIDES], key=key, counter=counter, alg=PHILOX)


class Dice:
    def __init__(self, seed, index, numbers=None):
        """seed: an int. index: int64 scalar, the sample's number in the whole run. numbers: what `roll` gave it."""
        self._seed, self._index, self._dealt = seed, index, 0
        self._numbers = roll(seed, index, 1)[0] if numbers is None else numbers

    def seed(self, which):
        """A seed of its own, int64 [2], for what needs more numbers than can be dealt."""
        return tf.stack([tf.constant(self._seed * 16 + which, tf.int64), self._index])

    def __call__(self, count):
        """The next `count` numbers, float32 [count] in [0, 1)."""
        self._dealt += count
        if self._dealt > self._numbers.shape[0]:
            raise AssertionError(f"more than {SIDES} random numbers for one picture: raise SIDES")
        return self._numbers[self._dealt - count : self._dealt]

    def one(self):
        return self(1)[0]
