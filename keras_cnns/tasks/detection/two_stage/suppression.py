"""Non-maximum suppression of proposals in training: like `geometry.nms`, but with TensorFlow's operator on CPUs."""

import tensorflow as tf

from keras_cnns.geometry.nms import nms
from keras_cnns.support.devices import compile_with_xla


def suppress(
    boxes: tf.Tensor,
    scores: tf.Tensor,
    *,
    count: int,
    threshold: float,
    before: int | None = None,
    classes: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The same result as `geometry.nms.nms`; for 3,600 boxes a CPU takes a ninth of the time.

    The operator goes from box to box, which is fast on a CPU. `nms` compares all boxes with each other, which is fast
    on a GPU and needs no TensorFlow operator in exported files.
    """
    if compile_with_xla():
        return nms(boxes, scores, count=count, threshold=threshold, before=before, classes=classes)
    top = tf.shape(boxes)[1] if before is None else tf.minimum(before, tf.shape(boxes)[1])
    scores = tf.where(scores > float("-inf"), scores, float("-inf"))  # NaN becomes -inf
    scores, numbers = tf.math.top_k(scores, top)
    boxes = tf.gather(boxes, numbers, batch_dims=1)
    if classes is not None:  # each class is shifted, so that boxes of different classes do not overlap
        classes = tf.cast(tf.gather(classes, numbers, batch_dims=1), boxes.dtype)
        boxes += (classes * (tf.reduce_max(boxes) - tf.reduce_min(boxes) + 1.0))[..., None]

    def one(picture: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, ...]:
        kept = tf.raw_ops.NonMaxSuppressionV4(
            boxes=picture[0],
            scores=picture[1],
            max_output_size=count,
            iou_threshold=threshold,
            score_threshold=float("-inf"),
            pad_to_max_output_size=True,
        )
        return tuple(kept)

    chosen, kept = tf.map_fn(one, (boxes, scores), fn_output_signature=(tf.int32, tf.int32))
    chosen = tf.reshape(chosen, [-1, count])
    numbers = tf.pad(numbers, ((0, 0), (0, 1)))  # where there is no box
    return tf.gather(numbers, chosen, batch_dims=1), tf.range(count) < kept[:, None]
