"""Euclidean radial basis function units. LeCun et al. 1998, section II.B, equation 7."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_cnns.support.types import Tensor

# 7x12 pictures of the ten digits, the codes of the paper's Fig. 3: # is +1 and . is -1
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


def codes(units: int, length: int) -> np.ndarray:
    """float32 [length, units] of +1 and -1: the code of each unit.

    If length is 84, the first ten codes are the pictures of the digits. All other codes are random, with a fixed seed.
    """
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (length, units))
    rows = [line.split() for line in PICTURES.split("\n") if line]
    pictures = [[1.0 if c == "#" else -1.0 for row in rows for c in row[digit]] for digit in range(len(rows[0]))]
    if length == len(pictures[0]):
        signs[:, : len(pictures)] = np.transpose(pictures)[:, :units]
    return signs.astype("float32")


@keras.saving.register_keras_serializable(package="keras_cnns")
class EuclideanRBF(keras.layers.Layer):
    """Squared Euclidean distance of each input vector to the code of each unit: [batch, length] -> [batch, units].

    The smallest output marks the class. The codes are fixed, see `codes`.

    Args:
      units: number of units, one for each class.

    Example:
      distances = EuclideanRBF(10)(x)  # [2, 84] -> [2, 10]
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape: tuple) -> None:
        self.codes = self.add_weight(
            name="codes",
            shape=(shape[-1], self.units),
            initializer=lambda shape, dtype=None: ops.convert_to_tensor(codes(shape[1], shape[0]), dtype),
            trainable=False,
        )

    def call(self, x: Tensor) -> Tensor:
        code_norms, x = ops.sum(ops.square(self.codes), axis=0), ops.cast(x, self.codes.dtype)
        return ops.sum(ops.square(x), axis=-1, keepdims=True) - 2 * ops.matmul(x, self.codes) + code_norms

    def compute_output_shape(self, shape: tuple) -> tuple:
        return (shape[0], self.units)

    def get_config(self) -> dict:
        return super().get_config() | {"units": self.units}
