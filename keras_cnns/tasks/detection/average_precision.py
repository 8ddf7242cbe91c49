"""Average precision of detected boxes, as PASCAL VOC (2007 and later) and COCO measure it.

Boxes are (x1, y1, x2, y2) as in COCO; x2 and y2 are not included. Detected boxes are processed in the order of their
scores. Each claims the annotated box of its class that it overlaps most, and each annotated box can be claimed once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

COCO_OVERLAPS = tuple(np.linspace(0.5, 0.95, 10))
COCO_RECALLS = np.linspace(0.0, 1.0, 101)
COCO_SIZES = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
COCO_MOST = 100  # detected boxes of a class that count in one picture, at most


@dataclass(frozen=True)
class Picture:
    """The n annotated and the m detected boxes of one picture.

    Attributes:
      boxes, classes: the annotated boxes [n, 4] and their classes, int [n].
      detected, detected_classes, scores: the detected boxes [m, 4], their classes, int [m], and their scores [m].
      ignored: bool [n], boxes that need not be detected (VOC's "difficult", COCO's crowds).
      crowd: bool [n], regions that any number of detected boxes inside them may claim.
      areas: [n], the areas that decide whether objects are small, medium or large; by default those of the boxes.
    """

    boxes: Sequence
    classes: Sequence
    detected: Sequence
    detected_classes: Sequence
    scores: Sequence
    ignored: Sequence | None = None
    crowd: Sequence | None = None
    areas: Sequence | None = None


def voc(pictures: Sequence[Picture], classes: int, *, overlap: float = 0.5, year: int = 2012) -> dict[str, Any]:
    """PASCAL VOC's average precision (AP) of `Picture`s: {"map": mean, "classes": AP of each class}.

    The AP of a class without objects is NaN.

    year: until 2009, AP is the mean precision at eleven recalls; since 2010, it is the area under the curve.
    """
    precisions = []
    for number in range(classes):
        ranked, positives = _class(pictures, number, (overlap,), claims="first")
        precision, recall = curve(ranked[0], positives)
        precisions.append(
            np.nan if not positives else eleven_points(precision, recall) if year < 2010 else area(precision, recall)
        )
    return {"map": _mean(precisions), "classes": precisions}


def coco(pictures: Sequence[Picture], classes: int) -> dict[str, float]:
    """COCO's metrics of `Picture`s, equal to those of pycocotools.

    These are map (mean over overlaps .5 to .95), map_50, map_75, map_small, map_medium, map_large, and recall (of at
    most 100 detected boxes in a picture). A metric for which there are no boxes is -1.
    """
    sizes = {"all": (0.0, 1e10), **COCO_SIZES}
    precisions: dict[str, list[list[float]]] = {size: [] for size in sizes}  # [class][overlap]
    recalls = []
    for number in range(classes):
        for size, limits in sizes.items():
            ranked, positives = _class(pictures, number, COCO_OVERLAPS, claims="best", limits=limits, most=COCO_MOST)
            if not positives:
                continue
            curves = [curve(each, positives) for each in ranked]
            precisions[size].append([at_recalls(p, r) for p, r in curves])
            if size == "all":
                recalls.append([r[-1] if len(r) else 0.0 for _, r in curves])

    def mean(values: Sequence | np.ndarray) -> float:
        return float(np.mean(values)) if len(values) else -1.0

    everything = np.array(precisions["all"])
    return {
        "map": mean(everything),
        "map_50": mean(everything[:, 0]) if len(everything) else -1.0,
        "map_75": mean(everything[:, 5]) if len(everything) else -1.0,
        **{f"map_{size}": mean(precisions[size]) for size in COCO_SIZES},
        "recall": mean(recalls),
    }


def precisions(pictures: Sequence[Picture], classes: int, overlap: float = 0.5) -> list[np.ndarray | None]:
    """The precision-recall curve of each class: the best precision at each of COCO_RECALLS or more, float64 [101].

    The curve of a class without boxes is None.
    """
    curves: list[np.ndarray | None] = []
    for number in range(classes):
        ranked, positives = _class(pictures, number, (overlap,), claims="first")
        precision, recall = curve(ranked[0], positives)
        curves.append(_at_recalls(precision, recall, COCO_RECALLS) if positives else None)
    return curves


def curve(right: np.ndarray, positives: int) -> tuple[np.ndarray, np.ndarray]:
    """(precision, recall) after each detected box.

    right: whether each detected box is right, highest score first. positives: number of boxes to be detected.
    """
    hits = np.cumsum(right, dtype="float64")
    return hits / np.maximum(np.arange(1, len(hits) + 1), np.finfo(float).eps), hits / max(positives, 1)


def eleven_points(precision: np.ndarray, recall: np.ndarray) -> float:
    """VOC 2007: the mean of the best precision at recalls of 0, .1 .. 1 or more."""
    return float(np.mean([precision[recall >= r].max(initial=0.0) for r in np.arange(11) / 10]))


def area(precision: np.ndarray, recall: np.ndarray) -> float:
    """VOC since 2010: the area under the curve, after the precision is made monotone from the right."""
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def at_recalls(precision: np.ndarray, recall: np.ndarray, recalls: np.ndarray = COCO_RECALLS) -> float:
    """COCO: the mean of the best precision at 101 recalls or more."""
    return float(np.mean(_at_recalls(precision, recall, recalls)))


def _at_recalls(precision: np.ndarray, recall: np.ndarray, recalls: np.ndarray) -> np.ndarray:
    precision = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return precision[np.searchsorted(recall, recalls, side="left")]


def overlaps(detections: Any, boxes: Any, crowd: np.ndarray | None = None) -> np.ndarray:
    """Intersection over union of every pair, float64 [m, n]. For a crowd, it is over the area of the detected box."""
    detections, boxes = (
        np.asarray(detections, "float64").reshape(-1, 1, 4),
        np.asarray(boxes, "float64").reshape(1, -1, 4),
    )
    low, high = np.maximum(detections[..., :2], boxes[..., :2]), np.minimum(detections[..., 2:], boxes[..., 2:])
    both = np.prod(np.maximum(high - low, 0), -1)
    own, other = (np.prod(b[..., 2:] - b[..., :2], -1) for b in (detections, boxes))
    union = own + other - both if crowd is None else np.where(crowd, own, own + other - both)
    return np.divide(both, union, out=np.zeros_like(both), where=union > 0)


def _class(
    pictures: Sequence[Picture],
    number: int,
    thresholds: Sequence[float],
    *,
    claims: str,
    limits: tuple[float, float] = (0.0, 1e10),
    most: int | None = None,
) -> tuple[list[np.ndarray], int]:
    """([for each threshold: whether each detected box that counts is right, highest score first], boxes to detect)."""
    scores, outcomes, positives = [], [], 0
    for picture in pictures:
        annotated = np.asarray(picture.classes, int) == number
        detected = np.flatnonzero(np.asarray(picture.detected_classes, int) == number)
        score = np.asarray(picture.scores, "float64")[detected]
        detected = detected[np.argsort(-score, kind="mergesort")][:most]
        boxes = np.asarray(picture.boxes, "float64").reshape(-1, 4)[annotated]
        detections = np.asarray(picture.detected, "float64").reshape(-1, 4)[detected]
        crowd = _flags(picture.crowd, annotated)
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], 1)
        areas = areas if picture.areas is None else np.asarray(picture.areas)[annotated]
        ignored = _flags(picture.ignored, annotated) | crowd | (areas < limits[0]) | (areas > limits[1])
        positives += int((~ignored).sum())
        detected_areas = np.prod(detections[:, 2:] - detections[:, :2], 1)
        # not counted as wrong where sizes are measured separately
        outside = (detected_areas < limits[0]) | (detected_areas > limits[1])
        overlap = overlaps(detections, boxes, crowd)
        claim = _claim_best if claims == "best" else _claim_first
        outcomes.append(np.array([claim(overlap, t, ignored, crowd, outside) for t in thresholds]))
        scores.append(np.asarray(picture.scores, "float64")[detected])
    if not pictures:
        return [np.zeros(0, bool) for _ in thresholds], 0
    order = np.argsort(-np.concatenate(scores), kind="mergesort")
    return [row[row >= 0] == 1 for row in np.concatenate(outcomes, 1)[:, order]], positives


def _claim_best(
    overlap: np.ndarray, threshold: float, ignored: np.ndarray, crowd: np.ndarray, outside: np.ndarray
) -> np.ndarray:
    """COCO: each detected box claims the unclaimed box that it overlaps most, an ignored one only if no other is left.

    Returns 1 (right), 0 (wrong) or -1 (does not count) for each detected box.
    """
    taken, outcome = np.zeros(len(ignored), bool), np.zeros(len(overlap), int)
    for i, row in enumerate(overlap):
        best = -1
        for counted in (~ignored, ignored):
            free = np.flatnonzero(counted & (~taken | crowd) & (row >= min(threshold, 1 - 1e-10)))
            if len(free):
                best = free[len(free) - 1 - np.argmax(row[free][::-1])]  # the last of equal ones
                break
        if best >= 0:
            taken[best] = True
            outcome[i] = -1 if ignored[best] else 1
        elif outside[i]:
            outcome[i] = -1
    return outcome


def _claim_first(
    overlap: np.ndarray, threshold: float, ignored: np.ndarray, crowd: np.ndarray, outside: np.ndarray
) -> np.ndarray:
    """VOC: each detected box claims the box that it overlaps most; if that is already claimed, it is a mistake."""
    taken, outcome = np.zeros(len(ignored), bool), np.zeros(len(overlap), int)
    for i, row in enumerate(overlap):
        best = int(row.argmax()) if len(row) else -1
        if best < 0 or row[best] < threshold:
            continue
        outcome[i] = -1 if ignored[best] else int(not taken[best])
        taken[best] = True
    return outcome


def _flags(values: Sequence | None, chosen: np.ndarray) -> np.ndarray:
    return np.zeros(int(chosen.sum()), bool) if values is None else np.asarray(values, bool)[chosen]


def _mean(values: Sequence[float]) -> float:
    values = [v for v in values if not np.isnan(v)]
    return float(np.mean(values)) if values else 0.0
