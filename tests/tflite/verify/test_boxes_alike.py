"""How well two detectors' boxes lie on each other: by hand."""

import numpy as np
import pytest

from keras_cnns.tflite.verify.compare import compare_boxes
from keras_cnns.tflite.verify.measures import boxes_alike, is_detector
from keras_cnns.tflite.verify.verdict import judge


def found(*rows, count=4):
    """One picture's answer of (box, class, score) rows, filled up with nothing."""
    answer = {
        "boxes": np.zeros((1, count, 4), "float32"),
        "classes": np.full((1, count), -1),
        "scores": np.zeros((1, count), "float32"),
    }
    for i, row in enumerate(rows):
        for name, value in zip(answer, row, strict=True):
            answer[name][0, i] = value
    return answer


BOX, HALF, FAR = (0, 0, 10, 10), (0, 0, 10, 5), (50, 50, 60, 60)


def test_the_same_is_one_also_in_another_order():
    first, other = found((BOX, 0, 0.9), (FAR, 1, 0.8)), found((FAR, 1, 0.8), (BOX, 0, 0.9))
    assert boxes_alike(first, other) == pytest.approx(1)
    assert boxes_alike(found(), found()) == 1


@pytest.mark.parametrize(
    ("there", "here", "expected"),
    [
        ([(BOX, 0, 0.8)], [(HALF, 0, 0.8)], 0.5),  # half of it
        ([(BOX, 0, 0.8)], [(BOX, 1, 0.8)], 0.0),  # another class
        ([(BOX, 0, 0.8)], [], 0.0),  # missed
        ([], [(BOX, 0, 0.8)], 0.0),  # false
        ([(BOX, 0, 0.9), (FAR, 0, 0.1)], [(BOX, 0, 0.9)], 1.8 / 1.9),  # an unsure one is missed
        ([(BOX, 0, 0.9)], [(BOX, 0, 0.9), (BOX, 0, 0.9)], 2 / 3),  # each is taken once
    ],
)
def test_what_is_lost_counts_by_its_score(there, here, expected):
    assert boxes_alike(found(*there), found(*here)) == pytest.approx(expected, abs=1e-6)


def test_which_answers_are_a_detectors():
    assert is_detector(found()) and is_detector(found(count=1))
    assert not is_detector({"boxes": np.zeros((1, 4, 4))})
    assert not is_detector(found() | {"scores": np.zeros((1, 3))})
    assert not is_detector(found() | {"more": np.zeros((1, 3))})


def test_the_verdict():
    good, half = found((BOX, 0, 0.9)), found((HALF, 0, 0.9))
    assert judge([compare_boxes(good, good)], "float32")[0] == "pass"
    status, reasons = judge([compare_boxes(good, half)], "float32")
    assert status == "fail" and "overlap 0.5" in reasons[0]
    assert judge([compare_boxes(good, half)], "int8")[0] == "warn"
    assert judge([compare_boxes(good, found((BOX, 0, np.nan)))], "int8")[0] == "fail"
