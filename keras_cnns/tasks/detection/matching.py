"""Assigns boxes to anchors and proposals, and samples those to train on. Ren et al. 2015, 1506.01497, section 3.1.2."""

import tensorflow as tf

from keras_cnns.geometry.boxes import area, intersection, iou

BACKGROUND, IGNORED = -1, -2  # in place of the index of a box
WITHIN = 0.5  # fraction of a reference's area; with more of it inside an ignored box, it is not background


def match(
    references: tf.Tensor,
    boxes: tf.Tensor,
    count: tf.Tensor | int,
    *,
    low: float,
    high: float,
    force: bool = False,
    ignored: tf.Tensor | None = None,
) -> tf.Tensor:
    """The index of the box that each reference is assigned to, int32 [N]; BACKGROUND, or IGNORED: not trained on.

    A reference is assigned to the box that it overlaps most, if their intersection over union is at least `high`. It is
    background if it overlaps no box by `low` or more, and ignored in between.

    Args:
      references: anchors or proposals, [N, 4].
      boxes: [M, 4], of which the first `count` are used.
      ignored: bool [M], boxes that are not trained on. References inside them that have no other box are IGNORED.
      force: whether each box also gets the references that overlap it most, if they overlap it at all. Such a reference
        is still assigned to the box that it overlaps most.
    """
    total = tf.shape(boxes)[0]
    used = skipped = tf.range(total) < count
    if ignored is not None:
        used, skipped = used & ~ignored, used & ignored
    overlap = tf.where(used[None], iou(references, boxes), -1.0)
    overlap = tf.concat([overlap, tf.fill([tf.shape(references)[0], 1], -1.0)], 1)  # argmax needs at least one column
    best, number = tf.reduce_max(overlap, 1), tf.argmax(overlap, 1, output_type=tf.int32)
    matches = tf.where(best >= high, number, tf.where(best < low, BACKGROUND, IGNORED))
    if force:
        most = tf.reduce_max(overlap, 0)
        forced = tf.reduce_any((overlap == most) & (overlap > 0), 1)
        matches = tf.where(forced, number, matches)
    if ignored is not None:
        inside = tf.where(skipped[None], within(references, boxes), 0.0)
        matches = tf.where((matches == BACKGROUND) & tf.reduce_any(inside >= WITHIN, 1), IGNORED, matches)
    return matches


def within(references: tf.Tensor, boxes: tf.Tensor) -> tf.Tensor:
    """The fraction of each reference's area inside each box: [N, 4], [M, 4] -> [N, M]."""
    return intersection(references[:, None], boxes[None]) / tf.maximum(area(references), 1e-6)[:, None]


def sample(matches: tf.Tensor, *, count: int, positives: float, seed: tf.Tensor) -> tf.Tensor:
    """Which of the references to train on: bool [N], at most `count` of them.

    At most `count * positives` are drawn from those assigned to a box, and the rest from the background.

    seed: int32 [2]: the same seed draws the same references. It should contain the number of the training sample, so
      that a resumed run draws as an uninterrupted one.
    """
    chance = tf.random.stateless_uniform(tf.shape(matches), seed, alg="philox")
    chosen = _drawn(matches >= 0, chance, tf.cast(int(count * positives), tf.int32))
    rest = count - tf.reduce_sum(tf.cast(chosen, tf.int32))
    return chosen | _drawn(matches == BACKGROUND, chance, rest)


def _drawn(candidates: tf.Tensor, chance: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """The `count` candidates with the highest random numbers; all if there are fewer."""
    order = tf.argsort(tf.where(candidates, chance, -1.0), direction="DESCENDING", stable=True)
    rank = tf.math.invert_permutation(order)
    return candidates & (rank < count)
