"""SimOTA: assigns objects to positions by what the network predicts there. Ge et al. 2021, 2107.08430, section 2.3.

As in the authors' code, in one picture: the positions within CENTRE strides of an object's centre are its candidates.
A candidate's cost is its classification loss plus IOU_COST times its box loss. An object takes its k cheapest
candidates, where k is the sum of its MOST largest overlaps with predicted boxes, rounded down, and at least 1. A
position that several objects take goes to the one with the lowest cost.
"""

from typing import NamedTuple

import tensorflow as tf

from keras_cnns.geometry.boxes import iou
from keras_cnns.tasks.detection.matching import BACKGROUND, IGNORED

CENTRE = 1.5  # strides between an object's centre and its candidates, at most, in each direction
MOST = 10  # positions of one object
IOU_COST = 3.0
ELSEWHERE = 1e6  # cost of a candidate of other objects only
NEVER = 1e9  # cost of a position that is no candidate
SMALLEST = 1e-8  # overlap in a logarithm


class Predictions(NamedTuple):
    """What a network predicts for one picture, at N positions.

    Attributes:
      boxes: (x1, y1, x2, y2) in pixels, float32 [N, 4].
      scores: logits of the classes, float32 [N, K].
      objectness: logits, float32 [N].
      cells: the square of one stride of each position, float32 [N, 4], in pixels.
    """

    boxes: tf.Tensor
    scores: tf.Tensor
    objectness: tf.Tensor
    cells: tf.Tensor


def assign(
    predictions: Predictions,
    boxes: tf.Tensor,
    classes: tf.Tensor,
    count: tf.Tensor | int,
    *,
    ignored: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """(int32 [N], float32 [N]): the object of each position, BACKGROUND or IGNORED; and its overlap with that object.

    Args:
      boxes, classes: annotated, float32 [M, 4] and int32 [M], of which the first `count` are used.
      ignored: bool [M]: boxes that are not trained on. A position whose centre is in one of them, and that has no
        object, is IGNORED.
    """
    total, cells = tf.shape(boxes)[0], predictions.cells
    there = tf.range(total) < count
    used = there if ignored is None else there & ~ignored
    centres, strides = (cells[:, :2] + cells[:, 2:]) / 2, cells[:, 2] - cells[:, 0]
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    distance = tf.reduce_max(tf.abs(centres[None] - middle[:, None]), -1)
    near = used[:, None] & (distance < CENTRE * strides[None])
    candidate = tf.reduce_any(near, 0)
    overlap = tf.where(used[:, None] & candidate[None], iou(boxes, predictions.boxes), 0.0)
    cost = _class_cost(predictions, classes) - IOU_COST * tf.math.log(overlap + SMALLEST)
    cost = tf.where(near, cost, cost + ELSEWHERE)
    cost = tf.where(used[:, None] & candidate[None], cost, NEVER)
    taken = _cheapest(cost, overlap) & used[:, None] & candidate[None]
    number = tf.argmin(cost, 0, output_type=tf.int32)
    several = tf.reduce_sum(tf.cast(taken, tf.int32), 0) > 1
    first = tf.argmax(tf.cast(taken, tf.int32), 0, output_type=tf.int32)
    matches = tf.where(tf.reduce_any(taken, 0), tf.where(several, number, first), BACKGROUND)
    own = tf.gather(tf.transpose(overlap), tf.maximum(matches, 0), batch_dims=1)
    if ignored is not None:
        inside = tf.reduce_all((centres[None] > boxes[:, None, :2]) & (centres[None] < boxes[:, None, 2:]), -1)
        skipped = tf.reduce_any(inside & (there & ignored)[:, None], 0)
        matches = tf.where((matches == BACKGROUND) & skipped, IGNORED, matches)
    return matches, tf.where(matches >= 0, own, 0.0)


def _class_cost(predictions: Predictions, classes: tf.Tensor) -> tf.Tensor:
    """[M, N]: the cross entropy of each object's class with the square root of a position's scores."""
    root = tf.sqrt(tf.sigmoid(predictions.scores) * tf.sigmoid(predictions.objectness)[:, None])
    right, wrong = -_log(root), -_log(1.0 - root)
    absent = tf.reduce_sum(wrong, -1)
    return absent[None] + tf.transpose(tf.gather(right - wrong, classes, axis=1))


def _log(x: tf.Tensor) -> tf.Tensor:
    """The logarithm, at least -100, as torch's binary cross entropy takes it."""
    return tf.maximum(tf.math.log(tf.maximum(x, 1e-44)), -100.0)


def _cheapest(cost: tf.Tensor, overlap: tf.Tensor) -> tf.Tensor:
    """bool [M, N]: the k cheapest positions of each object."""
    most = tf.minimum(MOST, tf.shape(cost)[1])
    largest, _ = tf.math.top_k(overlap, most)
    k = tf.maximum(tf.cast(tf.reduce_sum(largest, 1), tf.int32), 1)
    _, numbers = tf.math.top_k(-cost, most)
    chosen = tf.range(most)[None] < k[:, None]
    rows = tf.broadcast_to(tf.range(tf.shape(cost)[0])[:, None], tf.shape(numbers))
    places = tf.stack([rows, numbers], -1)
    return tf.scatter_nd(places, tf.cast(chosen, tf.int32), tf.shape(cost)) > 0
