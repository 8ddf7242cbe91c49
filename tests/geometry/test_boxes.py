"""Boxes against hand-computed cases and plain NumPy: overlap, coding, clipping."""

import math

import numpy as np
import pytest

from keras_cnns.geometry.boxes import MAX_GROWTH, area, clip, decode, encode, iou

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


# in a picture of 100 x 50: a pixel, one in the corner, the picture, larger than it, as wide or high as a pixel
EXTREMES = np.array(
    [[0, 0, 1, 1], [99, 49, 100, 50], [0, 0, 100, 50], [-300, -200, 900, 800], [40, 0, 41, 50], [0, 30, 100, 31]],
    "float32",
)


def plain_encode(box, reference):
    (x, y, w, h), (rx, ry, rw, rh) = (
        ((a + c) / 2, (b + d) / 2, c - a, d - b) for a, b, c, d in (map(float, box), map(float, reference))
    )
    return [(x - rx) / rw, (y - ry) / rh, math.log(w / rw), math.log(h / rh)]


def test_extremes_are_coded_as_plain_loops_say_and_come_back():
    """Of every one by every other; what grows beyond MAX_GROWTH comes back smaller, around the same centre."""
    boxes, references = np.repeat(EXTREMES, len(EXTREMES), 0), np.tile(EXTREMES, (len(EXTREMES), 1))
    deltas = np.asarray(encode(boxes, references))
    np.testing.assert_allclose(deltas, [plain_encode(*p) for p in zip(boxes, references, strict=True)], atol=1e-4)
    back = np.asarray(decode(deltas, references))
    within = (deltas[:, 2:] < MAX_GROWTH).all(1)
    assert 0 < (~within).sum() < 12
    np.testing.assert_allclose(back[within], boxes[within], atol=2e-3)
    np.testing.assert_allclose(back[:, :2] + back[:, 2:], boxes[:, :2] + boxes[:, 2:], atol=0.1)
    grown = (references[:, 2:] - references[:, :2]) * np.exp(np.minimum(deltas[:, 2:], MAX_GROWTH))
    np.testing.assert_allclose(back[:, 2:] - back[:, :2], grown, rtol=1e-3, atol=1e-3)


def test_extremes_overlap_and_are_cut_as_plain_loops_say():
    np.testing.assert_allclose(iou(EXTREMES, EXTREMES), plain_iou(EXTREMES, EXTREMES), atol=1e-6)
    expected = [[max(x1, 0), max(y1, 0), min(x2, 100), min(y2, 50)] for x1, y1, x2, y2 in EXTREMES]
    np.testing.assert_array_equal(clip(EXTREMES, 50, 100), expected)


@pytest.mark.parametrize("count", [0, 1])
def test_no_box_and_one(count):
    boxes = EXTREMES[:count]
    assert encode(boxes, boxes).shape == decode(boxes * 0, boxes).shape == clip(boxes, 50, 100).shape == (count, 4)
    np.testing.assert_allclose(encode(boxes, boxes), np.zeros((count, 4)), atol=1e-6)
    assert area(boxes).shape == (count,)
