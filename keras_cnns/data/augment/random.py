"""The random numbers of a sample, which depend on its number in the run. They are drawn at once and used in order.

An augmentation is a plain function of the picture and of numbers in [0, 1). So it can be computed on any device, and a
resumed run gives the same results as an uninterrupted one.
"""

import tensorflow as tf

NUMBERS = 160
PHILOX, DRAWN_TOGETHER = 1, 4  # TensorFlow's number of the algorithm, and how many numbers it draws from one counter
BITS = 23  # random bits in a number


def uniform(seed: int, first: tf.Tensor | int, count: int) -> tf.Tensor:
    """The numbers of `count` samples from number `first` on: float32 [count, NUMBERS] in [0, 1).

    The generator is a counter: a sample's numbers are the same alone or among others, and many at once take hardly
    longer than one.
    """
    counter = tf.stack([tf.cast(first, tf.uint64) * (NUMBERS // DRAWN_TOGETHER), 0])
    key = tf.constant([seed % 2**64], tf.uint64)
    return tf.raw_ops.StatelessRandomUniformV2(shape=[count, NUMBERS], key=key, counter=counter, alg=PHILOX)


class Random:
    def __init__(self, numbers: tf.Tensor) -> None:
        """numbers: float32 [N], a sample's row of `uniform`."""
        self.numbers = numbers

    def __call__(self, count: int) -> tf.Tensor:
        """The next `count` numbers, float32 [count] in [0, 1)."""
        if count > self.numbers.shape[0]:
            raise AssertionError("more random numbers for one picture than it has: raise NUMBERS")
        drawn, self.numbers = self.numbers[:count], self.numbers[count:]
        return drawn

    def one(self) -> tf.Tensor:
        return self(1)[0]


def seed(u: tf.Tensor) -> tf.Tensor:
    """A seed, int32 [..., 2], for operations that need more numbers than a sample has; u: [..., 2]."""
    return tf.cast(u * 2**BITS, tf.int32)
