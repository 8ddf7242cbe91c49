"""What kind of mistakes a detector makes. Hoiem et al. 2012, "Diagnosing Error in Object Detectors"."""

from collections import Counter

import numpy as np

from keras_cnns.tasks.detection.average_precision import overlaps

SURE = 0.5  # found boxes of a lower score are passed over
FOUND, NEAR = 0.5, 0.1  # overlaps: a box is found, or found in the wrong place
KINDS = ("right", "class", "place", "double", "background", "missed")


def count(pictures, sure=SURE):
    """{kind: how many} over `Picture`s: of the found boxes, the surest first, and of the boxes that were missed.

    right: overlaps a box of its class enough that no surer one has claimed. double: one that has been claimed. class:
    overlaps a box of another class enough. place: overlaps a box of its class, but not enough. background: none of
    these. missed: boxes that nothing claimed. What need not be found counts as neither.
    """
    found = Counter(dict.fromkeys(KINDS, 0))
    for picture in pictures:
        boxes = np.asarray(picture.boxes, "float64").reshape(-1, 4)
        classes, scores = np.asarray(picture.classes, int), np.asarray(picture.scores, "float64")
        ignored = np.zeros(len(boxes), bool) if picture.ignored is None else np.asarray(picture.ignored, bool)
        order = [i for i in np.argsort(-scores, kind="stable") if scores[i] >= sure]
        overlap = overlaps(np.asarray(picture.found, "float64").reshape(-1, 4)[order], boxes)
        claimed = np.zeros(len(boxes), bool)
        for row, number in zip(overlap, np.asarray(picture.found_classes, int)[order], strict=True):
            kind, best = _kind(row, classes == number, claimed, ignored)
            if kind == "right":
                claimed[best] = True
            found[kind] += kind is not None
        found["missed"] += int((~claimed & ~ignored).sum())
    return dict(found)


def _kind(row, own, claimed, ignored):
    """(its kind or None where it does not count, the box it claims)."""
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
