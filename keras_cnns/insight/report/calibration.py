"""Whether a classifier's confidence can be believed. Guo et al. 2017, 1706.04599."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Calibration:
    """By bin of confidence: its edges [bins + 1], how many pictures, their mean confidence and their accuracy."""

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def expected_error(self) -> float:
        """The expected calibration error: the mean distance of confidence and accuracy, over the pictures (eq. 3)."""
        return float((self.counts * np.abs(self.confidence - self.accuracy)).sum() / self.counts.sum())


def calibration(probabilities: np.ndarray, labels: np.ndarray, *, bins: int = 10) -> Calibration:
    """Of probabilities [n, classes] and true classes [n]; bins of equal width, empty ones with 0."""
    best, right = probabilities.max(1), probabilities.argmax(1) == labels
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.ceil(best * bins).astype(int) - 1, 0, bins - 1)  # a bin holds its upper edge
    counts, confidence, accuracy = (
        np.bincount(place, weights, minlength=bins) for weights in (None, best, right.astype(float))
    )
    nonzero = np.maximum(counts, 1)
    return Calibration(edges, counts, confidence / nonzero, accuracy / nonzero)
