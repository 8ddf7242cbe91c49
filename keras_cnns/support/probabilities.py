"""Arrays that are, or are not, probabilities."""

import numpy as np


def sum_to_one(answers: np.ndarray, slack: float = 2e-3) -> bool:
    """Whether (N, ..., classes) floats are probabilities of classes that exclude each other.

    slack: how far each sum may be from 1.
    """
    inside = answers.ndim > 1 and answers.shape[-1] > 1 and (answers >= -1e-6).all()
    return bool(inside and np.allclose(answers.sum(-1), 1, atol=slack))
