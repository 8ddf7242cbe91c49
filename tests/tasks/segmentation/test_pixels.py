"""FCN's four measures by hand and against the paper's formulas in plain loops."""

import numpy as np
import pytest

from keras_cnns.tasks.segmentation.pixels import VOID, report, tally


def test_by_hand():
    """Three pixels of class 0, one predicted as class 1; one of class 1, predicted right; class 2 never occurs."""
    m = report([[2, 1, 0], [0, 1, 0], [0, 0, 0]], "abc")
    assert m["pixel_accuracy"] == 3 / 4
    assert m["mean_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert m["mean_iou"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert m["frequency_weighted_iou"] == pytest.approx((3 * 2 / 3 + 1 * 1 / 2) / 4)
    assert m["classes"]["c"] == {"accuracy": 0.0, "iou": 0.0, "pixels": 0} and m["pixels"] == 4


def test_as_the_formulas_say():
    n = np.random.default_rng(0).integers(1, 100, (5, 5))
    m, t = report(n, range(5)), n.sum(1)
    iou = [n[i, i] / (t[i] + n[:, i].sum() - n[i, i]) for i in range(5)]
    assert m["pixel_accuracy"] == pytest.approx(sum(n[i, i] for i in range(5)) / t.sum())
    assert m["mean_accuracy"] == pytest.approx(sum(n[i, i] / t[i] for i in range(5)) / 5)
    assert m["mean_iou"] == pytest.approx(sum(iou) / 5)
    assert m["frequency_weighted_iou"] == pytest.approx(sum(t[i] * iou[i] for i in range(5)) / t.sum())


def test_counting_leaves_out_void_and_what_fills_a_batch_up():
    rng = np.random.default_rng(0)
    answer, mask = rng.normal(size=(3, 4, 5, 3)).astype("float32"), rng.integers(0, 3, (3, 4, 5))
    mask[rng.random(mask.shape) < 0.2] = VOID
    expected = np.zeros((3, 3))
    for true, message in zip(mask[:2].ravel(), answer[:2].argmax(-1).ravel(), strict=True):
        if true != VOID:
            expected[true, message] += 1
    np.testing.assert_array_equal(tally(answer, mask, np.array([1, 1, 0], "float32")), expected)


def test_nothing_counted_is_no_crash():
    assert report(np.zeros((2, 2)), "ab")["mean_iou"] == 0.0
