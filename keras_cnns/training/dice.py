"""All chance of one picture: numbers drawn at once from its index, dealt out in order.

An augmentation is a plain function of the picture and of numbers in [0, 1), so it can be computed twice, and a
resumed run sees what the uninterrupted one saw.
"""

import tensorflow as tf

SIDES = 128


class Dice:
    def __init__(self, seed, index):
        """seed: an int. index: int64 scalar, the sample's number in the whole run."""
        self._seed, self._index, self._dealt = seed, index, 0
        self._numbers = tf.random.stateless_uniform([SIDES], self.seed(0), alg="philox")

    def seed(self, which):
        """A seed of its own, int64 [2], for what needs more numbers than can be dealt."""
        return tf.stack([tf.constant(self._seed * 16 + which, tf.int64), self._index])

    def __call__(self, count):
        """The next `count` numbers, float32 [count] in [0, 1)."""
        self._dealt += count
        if self._dealt > SIDES:
            raise AssertionError(f"more than {SIDES} random numbers for one picture: raise SIDES")
        return self._numbers[self._dealt - count : self._dealt]

    def one(self):
        return self(1)[0]
