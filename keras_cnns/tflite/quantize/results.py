"""Results of one tensor in several runs, held as the integers that a quantized file rounds them to."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

INTEGERS = {schema.TensorType.INT4: 4, schema.TensorType.INT8: 8, schema.TensorType.INT16: 16}  # bits


@dataclass(frozen=True)
class Grid:
    """The integers of a tensor: value = scale * (integer - zero)."""

    scale: np.float32
    zero: np.float32
    bits: int

    @classmethod
    def of(cls, tensor: schema.TensorT) -> "Grid | None":
        """The grid of a tensor of the quantized file; None if it holds floats, or integers without a scale."""
        if tensor.type not in INTEGERS:
            return None
        quantization = tensor.quantization
        return cls(np.float32(quantization.scale[0]), np.float32(quantization.zeroPoint[0]), INTEGERS[tensor.type])

    @property
    def type(self) -> type[np.signedinteger[Any]]:
        return np.int16 if self.bits > 8 else np.int8

    def integers(self, values: np.ndarray) -> np.ndarray:
        """Floats as integers of `type`."""
        high = 2 ** (self.bits - 1)
        integers = np.rint(values / self.scale)
        integers += self.zero
        np.clip(integers, -high, high - 1, out=integers)
        return integers.astype(self.type)

    def floats(self, integers: np.ndarray) -> np.ndarray:
        """Integers as float32."""
        values = integers.astype(np.float32)
        values -= self.zero
        values *= self.scale
        return values


@dataclass
class Results:
    """The values of a tensor in each run.

    Attributes:
      values: [runs, batch, ...]: integers on `grid`, or floats if it is None.
    """

    values: np.ndarray
    grid: Grid | None = None

    @classmethod
    def empty(cls, runs: int, shape: tuple[int, ...], kind: np.dtype, grid: Grid | None) -> "Results":
        """Room for results of `shape`. Those that are no floats are held as they are, whatever the grid."""
        held = grid if kind == np.float32 else None
        return cls(np.empty((runs, *shape), held.type if held else kind), held)

    def __len__(self) -> int:
        return len(self.values)

    def put(self, run: int, values: np.ndarray) -> None:
        """Sets the values of a run, rounded to the grid."""
        self.values[run] = self.grid.integers(values) if self.grid else values

    def get(self, index: Any, grid: Grid | None = None) -> np.ndarray:
        """Values by their places in [runs, batch, ...], as floats; rounded to another grid."""
        values = self.values[index]
        if self.grid:
            values = self.grid.floats(values)
        if grid and grid != self.grid and values.dtype == np.float32:
            values = grid.floats(grid.integers(values))
        return values


class Some:
    """Pictures of some runs as an array [pictures, ...] that is converted where it is read.

    grid: to which they are rounded.
    """

    def __init__(self, results: Results, chosen: np.ndarray, grid: Grid | None = None) -> None:
        self.results, self.runs, self.grid = results, np.flatnonzero(chosen), grid
        _, self.batch, *rest = results.values.shape
        self.shape = (len(self.runs) * self.batch, *rest)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, places: tuple[np.ndarray, ...]) -> np.ndarray:
        picture, *rest = places
        return self.results.get((self.runs[picture // self.batch], picture % self.batch, *rest), self.grid)

    def every(self) -> np.ndarray:
        """All of them, in memory."""
        return self.results.get(self.runs, self.grid).reshape(self.shape)


class Errors:
    """How far the answers of a layer are from those of the float file, run by run.

    Attributes:
      squares: [runs], the mean squared error.
      differences: [runs, channels], the mean of wanted - actual.
    """

    def __init__(self, runs: int, channels: int) -> None:
        self.squares, self.differences = np.empty(runs), np.empty((runs, channels))

    def put(self, run: int, wanted: np.ndarray, actual: np.ndarray) -> None:
        """Sets those of one run, from answers [batch, ..., channels]."""
        difference = (wanted - actual).reshape(-1, wanted.shape[-1])
        self.differences[run] = np.ones(len(difference), np.float32) @ difference / len(difference)
        self.squares[run] = np.square(difference, out=difference).mean()

    def corrected(self, chosen: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """The mean squared errors of the chosen runs, were `shift` added to the answers."""
        return self.squares[chosen] + np.mean(shift * (shift - 2 * self.differences[chosen]), axis=-1)
