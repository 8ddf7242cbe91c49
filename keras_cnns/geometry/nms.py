"""Non-maximum suppression to a fixed number of boxes, with operators that every backend and TFLite have built in."""

from typing import Any

from keras_cnns.geometry.boxes import iou
from keras_cnns.support.lazy_imports import keras, ops
from keras_cnns.support.types import Tensor


def nms(
    boxes: Tensor,
    scores: Tensor,
    *,
    count: int,
    threshold: float,
    before: int | None = None,
    classes: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The `count` best boxes of each picture of which none overlaps a better one by more than `threshold`.

    Greedy suppression, computed for all boxes at once: a box stays if no better box that stays overlaps it. The loop
    starts with all boxes and repeats this rule until nothing changes. Each repetition settles at least one more box, in
    the order of the scores; a few repetitions are usually enough.

    Args:
      boxes: [batch, N, 4], (x1, y1, x2, y2).
      scores: [batch, N]; a score of -inf or NaN means that there is no box.
      count: number of boxes returned for each picture.
      threshold: largest intersection over union with a better box.
      before: number of best-scored boxes that are considered. Default: all.
      classes: int32 [batch, N]: only boxes of the same class suppress each other. Default: all do.

    Returns:
      (indices int32 [batch, count] of the boxes that stay, best first, ties in input order; bool [batch, count]: False
      where no box is left, and the index is that of some other box).

    Example:
      indices, kept = nms(boxes, scores, count=300, threshold=0.7)
    """
    scores = ops.where(scores > float("-inf"), scores, float("-inf"))  # NaN becomes -inf
    top = ops.shape(boxes)[1]
    if before is not None:
        top = min(before, top) if isinstance(top, int) else ops.minimum(before, top)
    scores, numbers = ops.top_k(scores, top)
    boxes = ops.take_along_axis(boxes, numbers[..., None], axis=1)
    overlap = iou(boxes, boxes) > threshold
    if classes is not None:
        classes = ops.take_along_axis(classes, numbers, axis=1)
        overlap = ops.logical_and(overlap, classes[:, :, None] == classes[:, None, :])
    rank = ops.arange(top)
    better = ops.cast(ops.logical_and(overlap, rank[:, None] < rank[None, :]), boxes.dtype)  # [B, better, worse]
    is_box = ops.cast(scores > float("-inf"), boxes.dtype)

    def suppress(stay: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
        overlapped = ops.matmul(stay[:, None], better)[:, 0]
        new = ops.where(overlapped > 0, ops.zeros_like(is_box), is_box)
        return new, ops.any(new != stay)

    stay, _ = ops.while_loop(lambda stay, changed: changed, suppress, (is_box, ops.any(is_box > -1)))
    # the boxes that stay first, then the others, each in the order of the scores
    order = ops.where(stay > 0, 0, top) + rank
    available = min(count, top) if isinstance(top, int) else ops.minimum(count, top)
    _, first = ops.top_k(-ops.cast(order, "float32"), available)
    missing = ((0, 0), (0, count - available))
    kept = ops.pad(ops.take_along_axis(stay, first, axis=1), missing) > 0
    numbers = ops.reshape(ops.pad(ops.take_along_axis(numbers, first, axis=1), missing), (-1, count))
    return numbers, ops.reshape(kept, (-1, count))


def kept_boxes(boxes: Tensor, chosen: Tensor, kept: Tensor) -> Tensor:
    """The chosen boxes [batch, count, 4] of boxes [batch, N, 4]; zeros where `kept` is False.

    chosen, kept: what `nms` returns, [batch, count].
    """
    boxes = ops.take_along_axis(boxes, chosen[..., None], axis=1)
    return ops.where(kept[..., None], boxes, ops.zeros_like(boxes))


def objects_spec(batch: int | None, count: int) -> dict[str, Any]:
    """The shapes and types of what `objects` returns, as a layer's `compute_output_spec` states them."""
    return {
        "boxes": keras.KerasTensor((batch, count, 4), "float32"),
        "classes": keras.KerasTensor((batch, count), "int32"),
        "scores": keras.KerasTensor((batch, count), "float32"),
    }


def objects(boxes: Tensor, classes: Tensor, scores: Tensor, chosen: Tensor, kept: Tensor) -> dict[str, Tensor]:
    """The chosen boxes as a detector returns them; where `kept` is False a box of zeros, class -1 and score 0.

    Args:
      boxes: [batch, N, 4]. classes, scores: [batch, N].
      chosen, kept: what `nms` returns, [batch, count].

    Returns:
      a dict of "boxes" [batch, count, 4], "classes" [batch, count] and "scores" [batch, count].

    Example:
      objects(boxes, classes, scores, *nms(boxes, scores, classes=classes, count=100, threshold=0.5))
    """
    return {
        "boxes": kept_boxes(boxes, chosen, kept),
        "classes": ops.where(kept, ops.take_along_axis(classes, chosen, axis=1), -1),
        "scores": ops.where(kept, ops.take_along_axis(scores, chosen, axis=1), 0.0),
    }
