"""Whether the numbers of a file change with the picture as the original's do; each column is judged by its own spread.

A column is one entry along an axis: one number of a vector, one channel of a map, one of [x, y, w, h, score]. An error
averaged over a tensor hides a wrong column beside one with a hundred times its spread.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from keras_cnns.support.messages import listed

FEW_COLUMNS = 16  # as many may each mean something of their own; more are features, positions or groups
FEW_PICTURES = 8  # with fewer, how a vector varies says nothing
FEW_VALUES = 64  # and neither does a map's, where a column has fewer values in all
SCALE_GAP = 8.0  # columns whose spreads differ by this factor with nothing between are groups of their own
SMALL_GROUP = 0.04  # a group this small, a fraction of many columns, is a nearly dead channel
SAME_ANSWER = 1e-5  # variation relative to size that float32 rounding alone makes
WRONG = 0.6  # a column with a lower correlation is wrong


@dataclass(frozen=True)
class WorstColumns:
    """The columns of an output with the lowest correlation with the original.

    Attributes:
      correlation: how much of the original's variation the file has, 1 at best: the smaller of the correlation and the
        square root of the share of the variance that is not error. A constant offset does not count.
      axis: of the output; axis 0 are the pictures.
      columns: numbers of the worst columns along that axis.
      spread: standard deviation of these columns from picture to picture.
      size: mean absolute value of these columns.
      largest_spread, largest_size: the largest standard deviation and the largest mean absolute value of all columns.
    """

    correlation: float
    axis: int
    columns: tuple[int, ...]
    spread: float
    size: float
    largest_spread: float
    largest_size: float

    @property
    def scales_differ(self) -> bool:
        """Whether the worst columns have a much smaller scale than others of the same tensor."""
        return max(self.largest_spread, self.largest_size / 4) > SCALE_GAP * max(self.spread, self.size / 4)

    @property
    def varies_little(self) -> bool:
        """Whether the numbers vary little compared with their size."""
        return self.spread < self.size / 50

    def explained(self) -> str:
        """Which columns are wrong, why, and what helps; a clause for a message."""
        plural, verb = ("s", "vary") if len(self.columns) > 1 else ("", "varies")
        where = f"column{plural} {_ranges(self.columns)} of axis {self.axis} {verb} by {self.spread:.3g}"
        if self.scales_differ:
            largest = max(self.largest_spread, self.largest_size)
            return (
                f"{where}, and others of the same output reach {largest:.3g}, too far for one integer scale: "
                "make them separate outputs, or scale both to the same range in the model"
            )
        if self.varies_little:
            return (
                f"the answers vary by {self.spread:.3g} around {self.size:.5g}, less than one integer scale can show: "
                "predict the difference from the mean and add the mean in the app, or take weight_only_int8"
            )
        return where


def worst_columns(original: np.ndarray, answer: np.ndarray, *, variation: float = SAME_ANSWER) -> WorstColumns | None:
    """The worst columns along any axis; None where nothing varies or the values are too few.

    Args:
      original, answer: (N, ...) numbers.
      variation: a column that varies less than this, relative to its mean absolute value, is not judged.

    >>> boxes_and_scores = np.random.default_rng(0).uniform(0, [640, 640, 1], (50, 8, 3))
    >>> worst_columns(boxes_and_scores, np.rint(boxes_and_scores / 2.5) * 2.5).columns
    (2,)
    """
    original, answer = (np.reshape(v, (len(v), -1)) if np.ndim(v) < 2 else np.asarray(v) for v in (original, answer))
    candidates: list[WorstColumns] = []
    for axis in range(1, original.ndim):
        columns = _columns(original, answer, axis)
        if columns is not None:
            candidates.extend(columns.worst(axis, variation, each=axis == original.ndim - 1))
    return min(candidates, key=lambda worst: worst.correlation, default=None)


def joint_correlation(original: np.ndarray, answer: np.ndarray, *, variation: float = SAME_ANSWER) -> float | None:
    """`WorstColumns.correlation` of all numbers together, for vectors whose direction counts; or None."""
    original, answer = (np.reshape(v, (len(v), -1)) for v in (original, answer))
    columns = _columns(original, answer, 1)
    if columns is None or not (varies := columns.varies(variation)).any():
        return None
    return columns.correlation(varies)


@dataclass(frozen=True)
class _Columns:
    """Sums over each column: of both sides' deviations multiplied, of the original's and of the file's squares."""

    both: np.ndarray
    own: np.ndarray
    other: np.ndarray
    sizes: np.ndarray  # mean absolute values
    count: int  # of values in a column

    @property
    def spreads(self) -> np.ndarray:
        return np.sqrt(self.own / self.count)

    def varies(self, variation: float) -> np.ndarray:
        return (self.spreads > variation * np.maximum(self.sizes, 1e-30)) & (self.spreads > 0)

    def correlation(self, which: np.ndarray) -> float:
        both, own, other = (float(values[which].sum()) for values in (self.both, self.own, self.other))
        correlation = both / np.sqrt(max(own * other, 1e-300))
        error = (own - 2 * both + other) / own
        return min(correlation, float(np.sqrt(max(1 - error, 0.0))))

    def worst(self, axis: int, variation: float, *, each: bool) -> Iterator[WorstColumns]:
        """The worst column, or the worst group where there are many or they may be positions (`each` is False)."""
        varying = np.flatnonzero(self.varies(variation))
        if not len(varying):
            return
        alone = [self.correlation(np.array([column])) for column in varying]
        wrong = varying[np.array(alone) < WRONG]
        if each and len(self.own) <= FEW_COLUMNS:
            yield self._columns_at(min(alone), axis, wrong if len(wrong) else varying[[int(np.argmin(alone))]])
            return
        least = 1 if len(self.own) <= FEW_COLUMNS else max(2, SMALL_GROUP * len(self.own))
        groups = [group for group in self._groups(varying) if len(group) >= least]
        for group in groups:
            yield self._columns_at(self.correlation(group), axis, group)
        if each and len(varying) > 2:
            third = float(np.quantile(alone, 1 / 3))
            if third < WRONG:
                yield self._columns_at(third, axis, wrong)

    def _groups(self, columns: np.ndarray) -> list[np.ndarray]:
        ordered = columns[np.argsort(self.spreads[columns])]
        spreads = self.spreads[ordered]
        return np.split(ordered, 1 + np.flatnonzero(spreads[1:] > SCALE_GAP * spreads[:-1]))

    def _columns_at(self, correlation: float, axis: int, columns: np.ndarray) -> WorstColumns:
        return WorstColumns(
            correlation,
            axis,
            tuple(sorted(map(int, columns))),
            spread=float(np.median(self.spreads[columns])),
            size=float(np.median(self.sizes[columns])),
            largest_spread=float(self.spreads.max()),
            largest_size=float(self.sizes.max()),
        )


def _columns(original: np.ndarray, answer: np.ndarray, axis: int) -> _Columns | None:
    """The sums of each column along `axis`; None where there are too few values.

    What counts is the change from picture to picture at each position; with few pictures of a map, the change within
    the column.
    """
    others = tuple(k for k in range(original.ndim) if k != axis)
    count = original.size // max(original.shape[axis], 1)
    many = len(original) >= FEW_PICTURES
    if not original.size or not (many or (original.ndim > 2 and count >= FEW_VALUES)):
        return None
    over = (0,) if many else others
    means = [np.mean(v, axis=over, keepdims=True, dtype=np.float64) for v in (original, answer)]
    sums, sizes = np.zeros((3, original.shape[axis])), np.zeros(original.shape[axis])
    for a, b in zip(original, answer, strict=True):  # picture by picture: the float64 copies of all would be large
        a, b = a.astype(np.float64)[None], b.astype(np.float64)[None]
        sizes += np.abs(a).sum(others)
        a, b = a - means[0], b - means[1]
        sums += [(a * b).sum(others), (a * a).sum(others), (b * b).sum(others)]
    return _Columns(sums[0], sums[1], sums[2], sizes / count, count)


def _ranges(numbers: Iterable[int]) -> str:
    """ "0-3, 7" for 0, 1, 2, 3, 7; shortened after four ranges."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return listed((f"{low}-{high}" if high > low else str(low) for low, high in runs), 4)
