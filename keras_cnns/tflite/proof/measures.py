"""What a file's answers cost, beside the original's: one measure for each kind of output, on plain arrays.

All are shares: 0 where nothing is lost. The original's own probabilities stand for the truth that is not known.
"""

import numpy as np


def softmax(logits):
    """Probabilities over the last axis."""
    exponents = np.exp(logits - logits.max(-1, keepdims=True))
    return exponents / exponents.sum(-1, keepdims=True)


def expected_loss(probabilities, choice):
    """(loss, of what could be lost): what the choice of another class gives away, by the original's probabilities.

    probabilities: (N, classes) of the original. choice: (N,) classes of the file. The second is what answers drawn by
    lot would lose: where that is next to nothing, or all answers are the same class, the first says nothing.
    """
    best = probabilities.max(-1)
    given_away = best - np.take_along_axis(probabilities, choice[:, None], -1)[:, 0]
    return float(given_away.mean()), float(best.mean() - 1 / probabilities.shape[-1])


def decision_loss(probabilities, answers):
    """Flipped decisions at one half, each weighed by how far from it the original was: of the rarer decision's weight.

    Both: (N, labels) from 0 to 1, each label on its own.
    """
    weights, yes = np.abs(2 * probabilities - 1), probabilities > 0.5
    flipped = float((weights * (yes != (answers > 0.5))).sum())
    rarer = min(float(weights[yes].sum()), float(weights[~yes].sum()))
    return flipped / max(rarer, 0.05 * float(weights.sum()), 1e-12) if flipped else 0.0


def relative_error(original, answer):
    """Mean absolute error beside the spread of the original, channel by channel of the last axis.

    The spread is the mean distance from a channel's mean, and at least a quarter of the channel's mean size: what
    hardly changes from picture to picture is measured by what it is.
    """
    a, b = (np.asarray(v, np.float64).reshape(-1, v.shape[-1] if v.ndim > 1 else 1) for v in (original, answer))
    error = np.abs(a - b).mean(0)
    spread = np.maximum(np.abs(a - a.mean(0)).mean(0), 0.25 * np.abs(a).mean(0))
    return float(error.mean() / spread.mean()) if error.any() and spread.any() else float(error.any())


def overlap(classes, answers, rarest=0.005):
    """Mean intersection over union of two maps of classes, over the classes that are not next to nowhere."""
    found = []
    for number in np.unique(classes):
        here, there = classes == number, answers == number
        if here.mean() >= rarest:
            found.append((here & there).sum() / (here | there).sum())
    return float(np.mean(found)) if found else 1.0


def paired_drop(before, after):
    """(drop, low, high): how much less is right in the file, with its 95 % confidence interval.

    before, after: (N,) what was right of each picture, 0 to 1. Both saw the same pictures, so that only those count of
    which one was right and the other wrong; one picture either way is added, or few pictures would prove too much.
    """
    difference = np.asarray(before, np.float64) - np.asarray(after, np.float64)
    drop, count = float(difference.mean()), len(difference)
    padded = np.append(difference, (1.0, -1.0))
    half = 1.96 * float(padded.std()) / np.sqrt(count)
    return drop, drop - half, drop + half


def pictures_needed(before, after, drop):
    """How many pictures would show a difference of `drop`, by how often the two disagree on these."""
    difference = np.append(np.asarray(before, np.float64) - np.asarray(after, np.float64), (1.0, -1.0))
    return int(np.ceil((1.96 * float(difference.std()) / drop) ** 2))
