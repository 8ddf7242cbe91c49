"""The boxes that stand for selective search: around objects, anywhere, inside the picture, the same for a seed."""

import numpy as np
import tensorflow as tf

from keras_cnns.tasks.detection.two_stage.regions import EACH, ELSEWHERE, proposed
from tests.geometry.test_boxes import plain_iou

BOXES = np.zeros((3, 4), "float32")
BOXES[:2] = [[10, 10, 50, 40], [60, 20, 96, 64]]
SEED = tf.constant([3, 4], tf.int64)


def test_some_lie_on_each_object_and_some_elsewhere():
    result, there = (np.asarray(x) for x in proposed(tf.constant(BOXES), 2, (64, 96), SEED))
    assert result.shape == (3 * EACH + ELSEWHERE, 4)
    assert there.tolist() == [True] * 2 * EACH + [False] * EACH + [True] * ELSEWHERE
    overlap = plain_iou(result, BOXES[:2])
    assert (overlap[:EACH, 0] > 0.2).all() and (overlap[:EACH, 0] > 0.5).any()
    assert (overlap[EACH : 2 * EACH, 1] > 0.2).all()
    assert (overlap[3 * EACH :].max(1) < 0.3).mean() > 0.4
    assert (result >= 0).all() and (result[:, 2:] <= [96, 64]).all()
    assert (result[there][:, 2:] > result[there][:, :2]).all()


def test_a_seed_draws_the_same_and_another_one_others():
    first, again = (np.asarray(proposed(tf.constant(BOXES), 2, (64, 96), SEED)[0]) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, np.asarray(proposed(tf.constant(BOXES), 2, (64, 96), SEED + 7)[0]))


def test_a_picture_without_objects_has_those_anywhere():
    _, there = proposed(tf.zeros([3, 4]), 0, (64, 96), SEED)
    assert np.asarray(there).sum() == ELSEWHERE
