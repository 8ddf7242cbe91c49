"""Which box each anchor or proposal is trained for, and which of them are trained on. 1506.01497, section 3.1.2."""

import tensorflow as tf

from keras_cnns.geometry.boxes import area, iou

NOTHING, IGNORED = -1, -2
WITHIN = 0.5  # of a reference's area: with so much in a box that is ignored it is no background


def match(references, boxes, count, *, low, high, force=False, ignored=None):
    """The number of the box that each reference is trained to find, int32 [N]; NOTHING: background; IGNORED: neither.

    A reference belongs to the box that it overlaps most, if their intersection over union is at least `high`; it is
    background if it overlaps none by `low` or more, and left out in between.

    Args:
      references: [N, 4]. boxes: [M, 4], of which the first `count` are there.
      ignored: bool [M]: boxes that nothing is trained to find; what lies in them and belongs to no other is IGNORED.
      force: each box also gets the references that overlap it most, whatever the overlap (more than none), so that no
        box is without one; such a reference still belongs to the box that *it* overlaps most.
    """
    total = tf.shape(boxes)[0]
    there = there_too = tf.range(total) < count
    if ignored is not None:
        there, there_too = there & ~ignored, there & ignored
    overlap = tf.where(there[None], iou(references, boxes), -1.0)
    overlap = tf.concat([overlap, tf.fill([tf.shape(references)[0], 1], -1.0)], 1)  # argmax of no box at all
    best, number = tf.reduce_max(overlap, 1), tf.argmax(overlap, 1, output_type=tf.int32)
    found = tf.where(best >= high, number, tf.where(best < low, NOTHING, IGNORED))
    if force:
        most = tf.reduce_max(overlap, 0)
        forced = tf.reduce_any((overlap == most) & (overlap > 0), 1)
        found = tf.where(forced, number, found)
    if ignored is not None:
        inside = tf.where(there_too[None], within(references, boxes), 0.0)
        found = tf.where((found == NOTHING) & tf.reduce_any(inside >= WITHIN, 1), IGNORED, found)
    return found


def within(references, boxes):
    """The part of each reference's area that lies in each box: [N, 4], [M, 4] -> [N, M]."""
    low = tf.maximum(references[:, None, :2], boxes[None, :, :2])
    high = tf.minimum(references[:, None, 2:], boxes[None, :, 2:])
    return tf.reduce_prod(tf.maximum(high - low, 0.0), -1) / tf.maximum(area(references), 1e-6)[:, None]


def sample(matches, *, count, positives, seed):
    """Which of the references are trained on: bool [N], at most `count` of them.

    At most `count * positives` are drawn of those that belong to a box, and the rest of background.

    seed: int32 [2]: the same seed draws the same. Give the number of the training sample, and a resumed run draws as
      the uninterrupted one.
    """
    luck = tf.random.stateless_uniform(tf.shape(matches), seed, alg="philox")
    chosen = _drawn(matches >= 0, luck, tf.cast(int(count * positives), tf.int32))
    rest = count - tf.reduce_sum(tf.cast(chosen, tf.int32))
    return chosen | _drawn(matches == NOTHING, luck, rest)


def _drawn(candidates, luck, count):
    """`count` of the candidates, those with the most luck; all where there are fewer."""
    order = tf.argsort(tf.where(candidates, luck, -1.0), direction="DESCENDING", stable=True)
    rank = tf.math.invert_permutation(order)
    return candidates & (rank < count)
