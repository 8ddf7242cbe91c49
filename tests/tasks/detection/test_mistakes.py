"""Each kind of mistake by hand."""

import numpy as np

from keras_cnns.tasks.detection.average_precision import Picture
from keras_cnns.tasks.detection.mistakes import KINDS, count

THERE = [[0, 0, 10, 10], [20, 20, 30, 30], [40, 40, 50, 50], [60, 60, 70, 70]]
CLASSES = [0, 1, 0, 2]


def counts(result, classes, scores, **more):
    return {kind: n for kind, n in count([Picture(THERE, CLASSES, result, classes, scores, **more)]).items() if n}


def test_every_kind_once():
    result = [
        [0, 0, 10, 9],  # right
        [0, 1, 10, 10],  # the same again
        [20, 20, 30, 30],  # another class there
        [40, 46, 50, 56],  # overlaps by a quarter
        [80, 80, 90, 90],  # nothing there
        [60, 60, 70, 70],  # unsure: passed over, so that its box is missed
    ]
    answer = counts(result, [0, 0, 2, 0, 1, 2], [0.9, 0.8, 0.9, 0.9, 0.9, 0.4])
    assert answer == {"right": 1, "double": 1, "class": 1, "place": 1, "background": 1, "missed": 3}


def test_the_surest_claims_first():
    assert counts([[0, 0, 10, 6], [0, 0, 10, 10]], [0, 0], [0.6, 0.9]) == {"right": 1, "double": 1, "missed": 3}


def test_what_need_not_be_found_is_no_mistake():
    ignored = [False, True, True, True]
    assert counts([[20, 20, 30, 30]], [1], [0.9], ignored=ignored) == {"missed": 1}


def test_nothing_there_and_nothing_found():
    nothing = Picture(np.zeros((0, 4)), [], np.zeros((0, 4)), [], [])
    assert count([nothing]) == count([]) == dict.fromkeys(KINDS, 0)
