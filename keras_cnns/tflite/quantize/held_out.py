"""Held-out runs: which ones a change is judged on, and whether it makes the error smaller."""

import numpy as np


def held_out(runs: int) -> np.ndarray:
    """bool [runs], the runs that a change is judged on: every fourth, the last of two or three, or the only one."""
    return np.ones(1, bool) if runs == 1 else np.arange(runs) % 4 == min(runs - 1, 3)


def surely_less(new: np.ndarray, old: np.ndarray) -> bool:
    """Whether the mean error per run fell by more than one standard error."""
    less = old - new
    return bool(less.mean() > (less.std(ddof=1) / np.sqrt(len(less)) if len(less) > 1 else 0))
