"""Findings about the data of a detector before a run, such as whether its anchors cover the boxes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from keras_cnns.tasks.base.task import Finding
from keras_cnns.tasks.detection.average_precision import overlaps

COVERS, ENOUGH = 0.5, 0.9  # the overlap at which an anchor covers a box, and the fraction of boxes to be covered


def survey(
    targets: Sequence[dict[str, Any]],
    names: Sequence,
    anchors: np.ndarray | None,
    input_shape: Sequence[int],
    suggested: Callable[[float, float, int], np.ndarray],
) -> Iterator[Finding]:
    """The findings (subject, text, whether it is fine) about boxes, for the self-check before a run.

    targets: batches of boxes, see `Detection`. anchors: [N, 4], or None for a network without anchors. suggested: see
    `Detection.suggested_scales`.
    """
    boxes_of, labels_of, counts = [], [], []
    for target in targets:
        parts = (np.asarray(target[name]) for name in ("boxes", "classes", "ignored", "count"))
        for own, classes, ignored, count in zip(*parts, strict=True):
            used = ~ignored[:count]
            boxes_of.append(own[:count][used])
            labels_of.append(classes[:count][used])
            counts.append(int(used.sum()))
    without = float(np.mean([count == 0 for count in counts]))
    each = sum(counts) / max(1, int(np.count_nonzero(counts)))
    yield (
        "pictures without boxes",
        f"{without:.0%} of {len(counts)} examined pictures; the others have {each:.1f} boxes each",
        without <= 0.5,
    )
    boxes, labels = np.concatenate(boxes_of), np.concatenate(labels_of)
    unseen = [str(name) for number, name in enumerate(names) if not (labels == number).any()]
    yield "classes", f"never seen: {', '.join(unseen)}" if unseen else f"all {len(names)} are there", not unseen
    if not len(boxes):
        return
    sides = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], 1))
    small, usual, large = np.percentile(sides, (5, 50, 95))
    height, width = input_shape[:2]
    sizes = f"sides of {small:.0f} to {large:.0f} pixels, mostly {usual:.0f}, in pictures of {width} x {height}"
    yield "boxes", sizes, small >= 8
    if anchors is None:
        return
    best = np.concatenate([overlaps(part, anchors).max(1) for part in np.array_split(boxes, -(-len(boxes) // 64))])
    covered = float((best >= COVERS).mean())
    finding = f"{covered:.0%} of the boxes overlap an anchor by {COVERS} or more, {(best >= 0.7).mean():.0%} by 0.7"
    if covered < ENOUGH:
        scales = np.unique(np.round(np.sqrt(np.prod(anchors[:, 2:] - anchors[:, :2], 1))))
        better = suggested(small, large, len(scales))
        finding += (
            f": the anchors have sides of {' '.join(f'{s:g}' for s in scales)} pixels, and the boxes of {small:.0f} to "
            f"{large:.0f}; try --overrides scales {' '.join(f'{s:g}' for s in better)}"
        )
    yield "anchors", finding, covered >= ENOUGH
