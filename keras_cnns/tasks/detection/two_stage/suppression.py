"""Suppression of proposals while training: what `blocks.nms` computes, on CPUs by TensorFlow's own operator."""

import tensorflow as tf

from keras_cnns.geometry.nms import nms
from keras_cnns.support.devices import compile_with_xla


def suppress(boxes, scores, *, count, threshold, before=None, classes=None):
    """See `blocks.nms.nms`, whose answer this is; 3,600 boxes of a picture took a CPU a ninth of its time.

    The operator goes from box to box, which suits a CPU; `nms` compares all with all, which suits what has thousands of
    units, and files, which have to do without TensorFlow.
    """
    if compile_with_xla():
        return nms(boxes, scores, count=count, threshold=threshold, before=before, classes=classes)
    top = tf.shape(boxes)[1] if before is None else tf.minimum(before, tf.shape(boxes)[1])
    scores = tf.where(scores > float("-inf"), scores, float("-inf"))  # NaN is not more than anything
    scores, numbers = tf.math.top_k(scores, top)
    boxes = tf.gather(boxes, numbers, batch_dims=1)
    if classes is not None:  # side by side, far enough from each other
        classes = tf.cast(tf.gather(classes, numbers, batch_dims=1), boxes.dtype)
        boxes += (classes * (tf.reduce_max(boxes) - tf.reduce_min(boxes) + 1.0))[..., None]

    def one(picture):
        found = tf.raw_ops.NonMaxSuppressionV4(
            boxes=picture[0],
            scores=picture[1],
            max_output_size=count,
            iou_threshold=threshold,
            score_threshold=float("-inf"),
            pad_to_max_output_size=True,
        )
        return tuple(found)

    chosen, found = tf.map_fn(one, (boxes, scores), fn_output_signature=(tf.int32, tf.int32))
    chosen = tf.reshape(chosen, [-1, count])
    numbers = tf.pad(numbers, ((0, 0), (0, 1)))  # no box at all
    return tf.gather(numbers, chosen, batch_dims=1), tf.range(count) < found[:, None]
