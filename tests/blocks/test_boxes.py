"""Boxes against hand-computed cases and plain NumPy: overlap, coding, clipping."""

import math

import numpy as np
import pytest

from keras_cnns.blocks.boxes import MAX_GROWTH, area, clip, decode, encode, iou

RNG = np.random.default_rng(0)


def some_boxes(count, size=100.0):
    corner, sides = RNG.uniform(0, size, (count, 2)), RNG.uniform(4, size, (count, 2))
    return np.concatenate([corner, corner + sides], 1).astype("float32")


def plain_iou(a, b):
    answer = np.zeros((len(a), len(b)))
    for i, (ax1, ay1, ax2, ay2) in enumerate(a):
        for j, (bx1, by1, bx2, by2) in enumerate(b):
            w, h = min(ax2, bx2) - max(ax1, bx1), min(ay2, by2) - max(ay1, by1)
            both = max(w, 0) * max(h, 0)
            union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - both
            answer[i, j] = both / union if union else 0
    return answer


def test_overlap_by_hand():
    a = np.array([[0, 0, 10, 10]], "float32")
    b = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [4, 4, 6, 6], [3, 3, 3, 3]], "float32")
    np.testing.assert_allclose(iou(a, b), [[1, 1 / 3, 0, 4 / 100, 0]], atol=1e-6)


def test_overlap_of_many_and_of_none():
    a, b = some_boxes(100), some_boxes(37)
    np.testing.assert_allclose(iou(a, b), plain_iou(a, b), atol=1e-6)
    assert iou(a, b[:0]).shape == (100, 0) and iou(a[:0], b).shape == (0, 37)


def test_coding_by_hand():
    reference = np.array([[0, 0, 10, 20]], "float32")
    box = np.array([[5, 10, 25, 20]], "float32")  # centre (15, 15), 20 wide, 10 high
    expected = [[(15 - 5) / 10, (15 - 10) / 20, math.log(2), math.log(0.5)]]
    np.testing.assert_allclose(encode(box, reference), expected, atol=1e-6)
    np.testing.assert_allclose(encode(box, reference, (10, 10, 5, 5)), np.multiply(expected, (10, 10, 5, 5)), atol=1e-5)


@pytest.mark.parametrize("weights", [(1, 1, 1, 1), (10, 10, 5, 5)])
def test_decoding_undoes_encoding(weights):
    boxes, references = some_boxes(50), some_boxes(50)
    np.testing.assert_allclose(decode(encode(boxes, references, weights), references, weights), boxes, atol=1e-3)


def test_a_decoded_side_does_not_overflow():
    box = np.asarray(decode(np.array([[0, 0, 500.0, 500.0]], "float32"), np.array([[0, 0, 16, 16]], "float32")))
    np.testing.assert_allclose(box, [[8 - 500, 8 - 500, 8 + 500, 8 + 500]], rtol=1e-4)
    assert pytest.approx(1000 / 16) == math.exp(MAX_GROWTH)


def test_clipping_cuts_at_the_border():
    boxes = np.array([[-5, -5, 5, 5], [90, 40, 200, 70], [-9, -9, -3, -3], [0, 0, 100, 50]], "float32")
    expected = [[0, 0, 5, 5], [90, 40, 100, 50], [0, 0, 0, 0], [0, 0, 100, 50]]
    np.testing.assert_array_equal(clip(boxes, 50, 100), expected)
    np.testing.assert_array_equal(area(np.array(expected, "float32")), [25, 100, 0, 5000])
