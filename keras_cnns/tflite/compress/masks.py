"""Which weights of a kernel are pruned: the smallest ones, and how many at which time."""

import re
from dataclasses import dataclass

import numpy as np

from keras_cnns.support.errors import BadArgument
from keras_cnns.support.validation import number, short, whole

UPDATES = 100  # times that the masks change while the fraction of zeros rises


@dataclass(frozen=True)
class Schedule:
    """The fraction of zeros during a training: s(t) = final + (start - final) (1 - t)^3 (Zhu & Gupta 2017, 1710.01878).

    Attributes:
      sparsity: fraction of zeros at the end, 0 to 1.
      start: fraction at the beginning.
      settled: part of the training after which the fraction stays, 0 to 1.

    Raises:
      UserError: a value is out of range.

    >>> Schedule(0.8).at(0.25)
    0.563
    """

    sparsity: float
    start: float = 0.0
    settled: float = 0.75

    def __post_init__(self) -> None:
        possible = all(map(number, (self.sparsity, self.start, self.settled)))
        if not possible or not 0 <= self.start <= self.sparsity < 1 or not 0 < self.settled <= 1:
            raise BadArgument(
                f"sparsity {short(self.sparsity)} from {short(self.start)}, settled {short(self.settled)} is not "
                "possible: give 0 <= start <= sparsity < 1 and 0 < settled <= 1."
            )

    def at(self, progress: float) -> float:
        """The fraction of zeros after the part `progress` of the training, 0 to 1."""
        left = 1 - min(1.0, progress / self.settled)
        return self.sparsity + (self.start - self.sparsity) * left**3

    def every(self, steps: int) -> int:
        """The number of steps between two changes of the masks, in a training of so many steps."""
        return max(1, int(self.settled * steps) // UPDATES)

    def changes(self, step: int, steps: int) -> bool:
        """Whether the masks change after the step number `step` (from 1) of so many."""
        every = self.every(steps)
        return step == steps or step % every == 0 and step - every < self.settled * steps

    def has_settled(self, step: int, steps: int) -> bool:
        """Whether the fraction of zeros is the final one after the step number `step` of so many."""
        every = self.every(steps)
        return step == steps or step // every * every >= self.settled * steps


@dataclass(frozen=True)
class Pattern:
    """At most `kept` of `group` consecutive input channels have a weight other than zero, as in "2:4".

    >>> Pattern.of("2:4")
    Pattern(kept=2, group=4)
    """

    kept: int
    group: int

    @classmethod
    def of(cls, text: str) -> "Pattern":
        """The pattern "N:M".

        Raises:
          UserError: the text is not two whole numbers, the first smaller than the second.
        """
        parts = re.fullmatch(r"(\d+):(\d+)", text) if isinstance(text, str) else None
        if parts is None or not whole(kept := int(parts[1]), 1) or kept >= (group := int(parts[2])):
            raise BadArgument(f'pattern is {short(text)}: give "N:M", N of M weights kept, such as "2:4".')
        return cls(kept, group)

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether the input channels of a kernel can be divided into such groups."""
        return shape[-2] % self.group == 0

    def mask(self, kernel: np.ndarray) -> np.ndarray:
        """Ones where a weight is kept, in the shape and type of the kernel: the largest of each group."""
        groups = np.moveaxis(np.abs(kernel), -2, -1)
        groups = groups.reshape(*groups.shape[:-1], -1, self.group)
        order = np.argsort(-groups, axis=-1, kind="stable")
        mask = np.zeros(groups.shape, kernel.dtype)
        np.put_along_axis(mask, order[..., : self.kept], 1, axis=-1)
        mask = mask.reshape(*mask.shape[:-2], -1)
        return np.moveaxis(mask, -1, -2)


def magnitude_mask(kernel: np.ndarray, sparsity: float) -> np.ndarray:
    """Ones where a weight is kept, in the shape and type of the kernel; the smallest weights are pruned."""
    count = round(sparsity * kernel.size)
    mask = np.ones(kernel.size, kernel.dtype)
    if count:
        mask[np.argpartition(np.abs(kernel).ravel(), count - 1)[:count]] = 0
    return mask.reshape(kernel.shape)
