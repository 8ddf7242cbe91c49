"""The kinds of a detector's mistakes. Hoiem et al. 2012, "Diagnosing Error in Object Detectors"."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from keras_cnns.tasks.detection.average_precision import Picture, overlaps

SURE = 0.5  # detected boxes with a lower score are ignored
FOUND, NEAR = 0.5, 0.1  # intersection over union at which a box is detected, or detected in the wrong place
KINDS = ("right", "class", "place", "double", "background", "missed")


def count(pictures: Iterable[Picture], sure: float = SURE) -> dict[str | None, int]:
    """{kind: number} over `Picture`s, of the detected boxes, highest score first, and of the missed ones.

    right: overlaps a box of its class by FOUND that none of higher score has claimed. double: that box is claimed.
    class: overlaps a box of another class by FOUND. place: overlaps a box of its class by less. background: none of
    these. missed: annotated boxes that none has claimed. Ignored boxes do not count.
    """
    counts: Counter[str | None] = Counter(dict.fromkeys(KINDS, 0))
    for picture in pictures:
        boxes = np.asarray(picture.boxes, "float64").reshape(-1, 4)
        classes, scores = np.asarray(picture.classes, int), np.asarray(picture.scores, "float64")
        ignored = np.zeros(len(boxes), bool) if picture.ignored is None else np.asarray(picture.ignored, bool)
        order = [i for i in np.argsort(-scores, kind="stable") if scores[i] >= sure]
        overlap = overlaps(np.asarray(picture.detected, "float64").reshape(-1, 4)[order], boxes)
        claimed = np.zeros(len(boxes), bool)
        for row, number in zip(overlap, np.asarray(picture.detected_classes, int)[order], strict=True):
            kind, best = _kind(row, classes == number, claimed, ignored)
            if kind == "right":
                claimed[best] = True
            if kind is not None:
                counts[kind] += 1
        counts["missed"] += int((~claimed & ~ignored).sum())
    return dict(counts)


def _kind(row: np.ndarray, own: np.ndarray, claimed: np.ndarray, ignored: np.ndarray) -> tuple[str | None, int]:
    """(its kind, or None if it does not count; the index of the box it claims)."""
    for mine, kind in (
        (own & ~claimed & ~ignored, "right"),
        (ignored, None),
        (own & claimed, "double"),
        (~own, "class"),
    ):
        best = int(np.where(mine, row, -1.0).argmax()) if mine.any() else -1
        if best >= 0 and row[best] >= FOUND:
            return kind, best
    return ("place" if (own & (row >= NEAR)).any() else "background"), -1
