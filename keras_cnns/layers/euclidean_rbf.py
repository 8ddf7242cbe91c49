"""Euclidean radial basis function units. LeCun et al. 1998, section II.B."""

import keras
import numpy as np
from keras import ops

# 7x12 pictures of the digits: what the 84 units of F6 are to show, +1 for # and -1 for the rest
PICTURES = """
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
..###..  ...#...  ..###..  ..###..  .....#.  #######  ..###..  #######  ..###..  ..###..
.#...#.  ..##...  .#...#.  .#...#.  ....##.  #......  .#...#.  ......#  .#...#.  .#...#.
#.....#  .###...  #.....#  ......#  ...#.#.  #......  #......  .....#.  #.....#  #.....#
#.....#  ...#...  ......#  ......#  ..#..#.  #......  #......  .....#.  #.....#  #.....#
#.....#  ...#...  ......#  .....#.  .#...#.  #.###..  #.###..  ....#..  .#...#.  #....##
#.....#  ...#...  .....#.  ..###..  #....#.  ##...#.  ##...#.  ....#..  ..###..  .#..#.#
#.....#  ...#...  ....#..  .....#.  #######  ......#  #.....#  ...#...  .#...#.  ..##..#
#.....#  ...#...  ...#...  ......#  .....#.  ......#  #.....#  ...#...  #.....#  ......#
#.....#  ...#...  ..#....  ......#  .....#.  #.....#  #.....#  ..#....  #.....#  ......#
.#...#.  ...#...  .#.....  .#...#.  .....#.  .#...#.  .#...#.  ..#....  .#...#.  .#...#.
..###..  .#####.  #######  ..###..  .....#.  ..###..  ..###..  ..#....  ..###..  ..###..
"""


def codes(units, length):
    """[length, units], +1 and -1: the pictures of the digits where they fit, else values drawn at random."""
    drawn = np.random.default_rng(0).choice([-1.0, 1.0], (length, units))
    rows = [line.split() for line in PICTURES.split("\n") if line]
    pictures = [[1.0 if c == "#" else -1.0 for row in rows for c in row[digit]] for digit in range(len(rows[0]))]
    if length == len(pictures[0]):
        drawn[:, : len(pictures)] = np.transpose(pictures)[:, :units]
    return drawn.astype("float32")


@keras.saving.register_keras_serializable(package="keras_cnns")
class EuclideanRBF(keras.layers.Layer):
    """[batch, n] -> [batch, units]: the squared distance of the input to each unit's code, which is not trained."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.codes = self.add_weight(
            name="codes",
            shape=(shape[-1], self.units),
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(codes(shape[1], shape[0]), dtype),
            trainable=False,
        )

    def call(self, x):
        own, x = ops.sum(ops.square(self.codes), axis=0), ops.cast(x, self.codes.dtype)
        return ops.sum(ops.square(x), axis=-1, keepdims=True) - 2 * ops.matmul(x, self.codes) + own

    def compute_output_shape(self, shape):
        return (shape[0], self.units)

    def get_config(self):
        return super().get_config() | {"units": self.units}
