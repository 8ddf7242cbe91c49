"""Measures of a file's answers against the original's, one for each kind of output, from plain arrays.

Losses and errors are fractions, 0 without any loss. The original's probabilities stand in for the unknown truth.
"""

from collections.abc import Iterator

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities over the last axis."""
    exponents = np.exp(logits - logits.max(-1, keepdims=True))
    return exponents / exponents.sum(-1, keepdims=True)


def logits(probabilities: np.ndarray, scale: float = 0.0) -> np.ndarray:
    """Centred log-probabilities: the logits before a softmax, up to a constant for each picture.

    scale: the step of an integer output. Probabilities below four steps are mostly rounding, so the logarithm stops
    there; that of a float output stops at float32's precision.
    """
    logs = np.log(np.maximum(probabilities.astype(np.float64), 4 * scale or 1e-30))
    return logs - logs.mean(axis=-1, keepdims=True)


def expected_loss(probabilities: np.ndarray, choice: np.ndarray) -> tuple[float, float]:
    """(expected accuracy loss, the largest possible one) of answering other classes, by the original's probabilities.

    probabilities: (N, classes) of the original. choice: (N,) classes of the file. The largest possible loss is that of
    random answers: if it is nearly zero, or all answers are the same class, the first figure shows nothing.
    """
    best = probabilities.max(-1)
    loss = best - np.take_along_axis(probabilities, choice[:, None], -1)[:, 0]
    return float(loss.mean()), float(best.mean() - 1 / probabilities.shape[-1])


def decision_loss(probabilities: np.ndarray, answers: np.ndarray) -> float:
    """Flipped decisions at one half, weighted by the original's distance from it, over the rarer decision's weight.

    Both arguments: (N, labels) from 0 to 1, each label on its own.
    """
    weights, yes = np.abs(2 * probabilities - 1), probabilities > 0.5
    flipped = float((weights * (yes != (answers > 0.5))).sum())
    rarer = min(float(weights[yes].sum()), float(weights[~yes].sum()))
    return flipped / max(rarer, 0.05 * float(weights.sum()), 1e-12) if flipped else 0.0


def comparable(original: np.ndarray, answer: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """(original, answer, selection of pictures), without those on which both answer NaN.

    None if they are not NaN or infinite in the same places, or nothing else is left. Infinities that both have, such as
    those of masked classes, become the ends of the original's range.
    """
    strange = ~np.isfinite(original)
    if not np.isfinite(answer[~strange]).all() or not np.array_equal(
        original[strange], answer[strange], equal_nan=True
    ):
        return None
    if strange.all():
        return None if strange.size else (original, answer, np.arange(len(original)))
    if strange.any():
        ends = float(original[~strange].min()), float(original[~strange].max())
        original, answer = (np.where(np.isinf(v), np.clip(v, *ends), v) for v in (original, answer))
    numbers = np.flatnonzero(~np.isnan(original.reshape(len(original), -1)).any(1))
    return (original[numbers], answer[numbers], numbers) if len(numbers) else None


def relative_error(original: np.ndarray, answer: np.ndarray) -> float:
    """Mean absolute error, divided by the original's spread, channel by channel of the last axis.

    The spread is the mean distance from a channel's mean, and at least a quarter of the channel's mean size, for
    channels that hardly change from picture to picture.
    """
    a, b = (np.asarray(v, np.float64).reshape(-1, v.shape[-1] if v.ndim > 1 else 1) for v in (original, answer))
    error = np.abs(a - b).mean(0)
    spread = np.maximum(np.abs(a - a.mean(0)).mean(0), 0.25 * np.abs(a).mean(0))
    return float(error.mean() / spread.mean()) if error.any() and spread.any() else float(error.any())


def of_answered(original: np.ndarray, *maps: np.ndarray) -> list[np.ndarray]:
    """From maps (N, rows, columns, classes), those of the class with the highest mean in the original."""
    best = original.mean((1, 2)).argmax(-1)[:, None, None, None]
    return [np.take_along_axis(array, best, -1).reshape(-1, 1) for array in (original, *maps)]


def right(answers: np.ndarray, labels: np.ndarray, kind: str) -> np.ndarray:
    """(N,) the share of each picture that is right, 0 to 1."""
    if kind == "multilabel":
        right = (answers > 0.5) == (labels > 0.5)
    else:
        right = (answers if kind == "classes" else answers.argmax(-1)) == labels
    return right.reshape(len(right), -1).mean(-1)


def overlap(classes: np.ndarray, answers: np.ndarray, rarest: float = 0.005) -> float:
    """Mean intersection over union of two maps of classes, over the classes that occur often enough."""
    overlaps = []
    for number in np.unique(classes):
        here, there = classes == number, answers == number
        if here.mean() >= rarest:
            overlaps.append((here & there).sum() / (here | there).sum())
    return float(np.mean(overlaps)) if overlaps else 1.0


DETECTOR = ("boxes", "classes", "scores")


def is_detector(answers: dict[str, np.ndarray]) -> bool:
    """Whether a network's answers are boxes (N, n, 4) with a class and a score each (N, n)."""
    shapes = {name: np.shape(array)[1:] for name, array in answers.items()}
    n = shapes.get("scores", ())
    return set(shapes) == set(DETECTOR) and len(n) == 1 and shapes["classes"] == n and shapes["boxes"] == (*n, 4)


def boxes_alike(original: dict[str, np.ndarray], answer: dict[str, np.ndarray]) -> float:
    """How well the boxes of two detectors overlap, 0 to 1; both are dicts of DETECTOR's arrays (N, n, ...).

    Each box, in the order of scores, is matched with the unmatched box of its class on the other side that it overlaps
    most. The result is the mean intersection over union, weighted by the scores, in both directions; 1 if neither has
    boxes.
    """
    total, weight = 0.0, 0.0
    for number in range(len(original["scores"])):
        first, other = ([np.asarray(a[name][number], float) for name in DETECTOR] for a in (original, answer))
        for mine, theirs in ((first, other), (other, first)):
            for overlap, score in _matched(*mine, *theirs):
                total, weight = total + score * overlap, weight + score
    return total / weight if weight else 1.0


def _matched(
    boxes: np.ndarray,
    classes: np.ndarray,
    scores: np.ndarray,
    other_boxes: np.ndarray,
    other_classes: np.ndarray,
    other_scores: np.ndarray,
) -> Iterator[tuple[float, float]]:
    free = (other_scores > 0) & (other_classes >= 0)
    for i in np.argsort(-scores, kind="stable"):
        if not scores[i] > 0 or classes[i] < 0:
            continue
        low, high = np.maximum(boxes[i, :2], other_boxes[:, :2]), np.minimum(boxes[i, 2:], other_boxes[:, 2:])
        both = np.prod(np.maximum(high - low, 0), -1)
        areas = (np.prod(b[..., 2:] - b[..., :2], -1) for b in (boxes[i], other_boxes))
        overlap = np.where(free & (other_classes == classes[i]), both / np.maximum(sum(areas) - both, 1e-9), 0.0)
        best = int(overlap.argmax())
        if overlap[best] > 0:
            free[best] = False
        yield float(overlap[best]), float(scores[i])


def paired_drop(before: np.ndarray, after: np.ndarray) -> tuple[float, float, float]:
    """(drop, low, high): the file's drop in accuracy, with its 95 % confidence interval.

    before, after: (N,) the share of each picture that is right, 0 to 1. Both are of the same pictures, so only those
    count that one got right and the other wrong. One picture is added on each side, so that few pictures do not prove
    too much.
    """
    difference = np.asarray(before, np.float64) - np.asarray(after, np.float64)
    drop, count = float(difference.mean()), len(difference)
    padded = np.append(difference, (1.0, -1.0))
    half = 1.96 * float(padded.std()) / np.sqrt(count)
    return drop, drop - half, drop + half


def pictures_needed(before: np.ndarray, after: np.ndarray, drop: float) -> int:
    """How many pictures would show a difference of `drop`, from how often the two disagree on these pictures."""
    difference = np.append(np.asarray(before, np.float64) - np.asarray(after, np.float64), (1.0, -1.0))
    return int(np.ceil((1.96 * float(difference.std()) / drop) ** 2))
