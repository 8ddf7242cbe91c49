"""Suppression of a fixed size against the greedy algorithm as the papers write it."""

import numpy as np
import pytest

from keras_cnns.geometry.nms import nms
from tests.geometry.test_boxes import EXTREMES, plain_iou


def greedy(boxes, scores, count, threshold, classes=None, before=None):
    order = [i for i in np.argsort(-scores, kind="stable") if scores[i] > -np.inf][:before]
    overlap, kept = plain_iou(boxes, boxes), []
    for i in order:
        same = [j for j in kept if classes is None or classes[i] == classes[j]]
        if all(overlap[i, j] <= threshold for j in same):
            kept.append(i)
    return kept[:count]


def check(boxes, scores, **options):
    classes = options.pop("classes", None)
    batched = None if classes is None else classes[None]
    numbers, kept = nms(boxes[None], scores[None], classes=batched, **options)
    numbers, kept = np.asarray(numbers)[0], np.asarray(kept)[0]
    assert len(numbers) == len(kept) == options["count"]
    expected = greedy(boxes, scores, classes=classes, **options)
    assert numbers[kept].tolist() == expected
    assert kept.tolist() == [True] * len(expected) + [False] * (options["count"] - len(expected))


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
def test_a_hundred_overlapping_boxes(threshold):
    rng = np.random.default_rng(3)
    corner = rng.uniform(0, 30, (100, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(1, 30, (100, 2))], 1).astype("float32")
    scores, classes = rng.normal(size=100).astype("float32"), rng.integers(0, 3, 100).astype("int32")
    check(boxes, scores, count=20, threshold=threshold)
    check(boxes, scores, count=150, threshold=threshold)
    check(boxes, scores, count=30, threshold=threshold, before=40)
    check(boxes, scores, count=100, threshold=threshold, classes=classes)


def test_a_chain_is_suppressed_link_by_link():
    """Each box overlaps the next one only, so every second one stays: the longest road to the answer."""
    x = np.arange(60, dtype="float32") * 4
    boxes = np.stack([x, 0 * x, x + 10, 0 * x + 10], 1)
    check(boxes, -x, count=60, threshold=0.3)


def test_ties_go_by_the_order_given():
    boxes = np.array([[0, 0, 10, 10]] * 3 + [[50, 50, 60, 60]], "float32")
    check(boxes, np.ones(4, "float32"), count=4, threshold=0.5)


def test_boxes_that_are_none():
    boxes = np.array([[0, 0, 10, 10], [50, 50, 60, 60]], "float32")
    for bad in (-np.inf, np.nan):
        numbers, kept = nms(boxes[None], np.array([[bad, 1.0]], "float32"), count=2, threshold=0.5)
        assert np.asarray(kept).tolist() == [[True, False]] and int(numbers[0, 0]) == 1
        assert not np.asarray(nms(boxes[None], np.full((1, 2), bad, "float32"), count=2, threshold=0.5)[1]).any()


def test_pictures_do_not_touch_each_other():
    boxes = np.array([[[0, 0, 10, 10], [0, 0, 10, 10]], [[0, 0, 10, 10], [30, 0, 40, 10]]], "float32")
    _, kept = nms(boxes, np.ones((2, 2), "float32"), count=2, threshold=0.5)
    assert np.asarray(kept).tolist() == [[True, False], [True, True]]


def test_how_many_boxes_there_are_may_show_only_when_it_runs():
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None, None, 4]), tf.TensorSpec([None, None])])
    def run(boxes, scores):
        return nms(boxes, scores, count=5, threshold=0.5, before=3)

    boxes = np.array([[[0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 10], [70, 0, 80, 10]]], "float32")
    for n, expected in ((2, [0]), (4, [0, 2])):
        numbers, kept = run(boxes[:, :n], np.array([[3, 2, 1, 0.5]], "float32")[:, :n])
        assert numbers.shape == kept.shape == (1, 5)
        assert np.asarray(numbers)[np.asarray(kept)].tolist() == expected


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_extremes(threshold):
    """A pixel, one on the border, the picture, larger than it, as thin as a pixel: by themselves and all together."""
    scores = np.array([0.3, 0.9, 0.5, 0.4, 0.8, 0.1], "float32")
    check(EXTREMES, scores, count=6, threshold=threshold)
    check(EXTREMES, scores, count=6, threshold=threshold, classes=np.array([0, 1, 0, 1, 0, 1], "int32"))
    for n in range(len(EXTREMES)):
        check(EXTREMES[n : n + 1], scores[n : n + 1], count=2, threshold=threshold)
    same = np.repeat(EXTREMES[4:5], 100, 0)  # of which one is left, of each class
    check(same, np.linspace(0, 1, 100, dtype="float32"), count=3, threshold=min(threshold, 0.9))
    check(
        same, np.ones(100, "float32"), count=8, threshold=min(threshold, 0.9), classes=np.arange(100, dtype="int32") % 5
    )


def test_no_box():
    numbers, kept = nms(np.zeros((2, 0, 4), "float32"), np.zeros((2, 0), "float32"), count=3, threshold=0.5)
    assert numbers.shape == kept.shape == (2, 3) and not np.asarray(kept).any()
