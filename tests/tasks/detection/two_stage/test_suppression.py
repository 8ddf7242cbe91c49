"""Suppression by TensorFlow's operator is that of the networks themselves, with classes and without."""

import numpy as np
import pytest

from keras_cnns.geometry.nms import nms
from keras_cnns.tasks.detection.two_stage import suppression


def some(seed=0, n=120):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(-5, 40, (2, n, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0, 30, (2, n, 2))], 2).astype("float32")
    return boxes, rng.normal(size=(2, n)).astype("float32"), rng.integers(0, 4, (2, n)).astype("int32")


@pytest.mark.parametrize("threshold", [0.3, 0.7])
@pytest.mark.parametrize("count, before", [(20, None), (200, None), (30, 50), (30, 500)])
def test_the_same_boxes_stay(threshold, count, before):
    boxes, scores, classes = some()
    boxes[0, 3:6] = boxes[0, 2]  # twice the same
    boxes[1, 7, 2:] = boxes[1, 7, :2]  # without an area
    for which in (None, classes):
        options = {"count": count, "threshold": threshold, "before": before, "classes": which}
        (mine, kept), (theirs, expected) = (f(boxes, scores, **options) for f in (suppression.suppress, nms))
        np.testing.assert_array_equal(kept, expected)
        np.testing.assert_array_equal(np.where(kept, mine, -1), np.where(kept, theirs, -1))


def test_scores_that_mark_no_box():
    boxes, scores, _ = some(1, 6)
    scores[0, :4] = [np.nan, -np.inf, np.nan, -np.inf]
    scores[1] = np.nan
    numbers, kept = map(np.asarray, suppression.suppress(boxes, scores, count=6, threshold=1.0))
    assert kept.sum(1).tolist() == [2, 0] and set(numbers[0][kept[0]]) == {4, 5}


def test_where_xla_compiles_all_are_compared_with_all(monkeypatch):
    boxes, scores, _ = some(2)
    alone = suppression.suppress(boxes, scores, count=10, threshold=0.5)
    monkeypatch.setattr(suppression, "compile_with_xla", lambda: True)
    for a, b in zip(suppression.suppress(boxes, scores, count=10, threshold=0.5), alone, strict=True):
        np.testing.assert_array_equal(a, b)


def test_no_box_and_one():
    for n in (0, 1):
        boxes, scores = np.ones((2, n, 4), "float32") * [0, 0, 5, 5], np.ones((2, n), "float32")
        numbers, kept = map(np.asarray, suppression.suppress(boxes.astype("float32"), scores, count=3, threshold=0.5))
        assert numbers.shape == (2, 3) and kept.sum(1).tolist() == [n, n]
