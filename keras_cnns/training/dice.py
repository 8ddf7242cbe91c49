"""All chance of one picture: numbers drawn at once from its index, dealt out in order.

An augmentation is a plain function of the picture and of numbers in [0, 1), so it can be computed twice, and a
resumed run sees what the uninterrupted one saw.
"""

import tensorflow as tf

SIDES = 128


class Dice:
    def __init__(self, seed, index):
        """seed: an int. index: int64 scalar, the sample's number in the whole run."""
        seed = tf.stack([tf.constant(seed, tf.int64), index])
        self._numbers, self._dealt = tf.random.stateless_uniform([SIDES], seed, alg="philox"), 0

    def __call__(self, count):
        """The next `count` numbers, float32 [count] in [0, 1)."""
        self._dealt += count
        if self._dealt > SIDES:
            raise AssertionError(f"more than {SIDES} random numbers for one picture: raise SIDES")
        return self._numbers[self._dealt - count : self._dealt]

    def one(self):
        return self(1)[0]
