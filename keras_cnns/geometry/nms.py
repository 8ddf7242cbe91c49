"""Non-maximum suppression to a fixed number of boxes, by operators that every backend and TFLite has built in."""

from keras_cnns.geometry.boxes import iou
from keras_cnns.support.lazy_imports import ops
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

    Greedy suppression, computed for all boxes at once: a box stays if no better box that stays overlaps it. From the
    assumption that all stay, each repetition is right for at least one box more, in the order of the scores, and
    nothing changes any more once all are right. A few repetitions do.

    Args:
      boxes: [B, N, 4]. scores: [B, N]; a score of -inf or NaN marks no box.
      count: boxes given back for each picture.
      threshold: of the intersection over union.
      before: only so many of the best boxes are looked at; `None`: all.
      classes: int32 [B, N]: only boxes of one class suppress each other; `None`: all do.

    Returns:
      (numbers int32 [B, count] of the boxes that stay, best first, a tie in the order given; kept: bool [B, count],
      False where there are no more, the number then being another box's)
    """
    scores = ops.where(scores > float("-inf"), scores, float("-inf"))  # NaN is not more than anything
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
    there = ops.cast(scores > float("-inf"), boxes.dtype)

    def repeated(stay: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
        beaten = ops.matmul(stay[:, None], better)[:, 0]
        new = ops.where(beaten > 0, ops.zeros_like(there), there)
        return new, ops.any(new != stay)

    stay, _ = ops.while_loop(lambda stay, changed: changed, repeated, (there, ops.any(there > -1)))
    # those that stay first, each group in the order of the scores
    order = ops.where(stay > 0, 0, top) + rank
    taken = min(count, top) if isinstance(top, int) else ops.minimum(count, top)
    _, first = ops.top_k(-ops.cast(order, "float32"), taken)
    missing = ((0, 0), (0, count - taken))
    kept = ops.pad(ops.take_along_axis(stay, first, axis=1), missing) > 0
    numbers = ops.reshape(ops.pad(ops.take_along_axis(numbers, first, axis=1), missing), (-1, count))
    return numbers, ops.reshape(kept, (-1, count))
