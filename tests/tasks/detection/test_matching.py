"""Which box an anchor is trained for, by hand and against plain loops; which of them are drawn."""

import numpy as np
import pytest
import tensorflow as tf

from keras_cnns.tasks.detection.matching import BACKGROUND, IGNORED, match, sample
from tests.geometry.test_boxes import EXTREMES, plain_iou

ANCHORS = np.array([[0, 0, 10, 10], [0, 0, 10, 6], [0, 0, 10, 4], [50, 50, 60, 60], [20, 20, 24, 24]], "float32")
BOXES = np.array([[0, 0, 10, 10], [20, 20, 30, 30], [0, 0, 0, 0]], "float32")  # the last one only fills up


def plain_match(anchors, boxes, low, high, force):
    overlap, answer = plain_iou(anchors, boxes), []
    for i in range(len(anchors)):
        best = overlap[i].max() if len(boxes) else 0
        number = int(overlap[i].argmax()) if len(boxes) else BACKGROUND
        answer.append(number if best >= high else BACKGROUND if best < low else IGNORED)
        if force and any(overlap[i, j] == overlap[:, j].max() > 0 for j in range(len(boxes))):
            answer[i] = number
    return answer


def test_by_hand():
    """Overlaps of the first box: 1, .6, .4, 0, 0; of the second one: the last anchor's .16 only."""
    assert match(ANCHORS, BOXES, 2, low=0.3, high=0.7).numpy().tolist() == [0, IGNORED, IGNORED, BACKGROUND, BACKGROUND]
    assert match(ANCHORS, BOXES, 2, low=0.3, high=0.7, force=True).numpy().tolist() == [
        0,
        IGNORED,
        IGNORED,
        BACKGROUND,
        1,
    ]
    assert match(ANCHORS, BOXES, 2, low=0.5, high=0.5).numpy().tolist() == [0, 0, BACKGROUND, BACKGROUND, BACKGROUND]


@pytest.mark.parametrize("force", [False, True])
def test_no_box_makes_all_of_them_background(force):
    assert match(ANCHORS, BOXES, 0, low=0.3, high=0.7, force=force).numpy().tolist() == [BACKGROUND] * 5
    assert match(ANCHORS, BOXES[:0], 0, low=0.3, high=0.7, force=force).numpy().tolist() == [BACKGROUND] * 5


@pytest.mark.parametrize("seed", range(4))
def test_as_plain_loops_say(seed):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 20, (100, 2))
    anchors = np.concatenate([corner, corner + rng.uniform(4, 20, (100, 2))], 1).astype("float32")
    boxes = anchors[::17] + rng.normal(0, 2, (6, 4)).astype("float32")
    filled = np.concatenate([boxes, np.zeros((4, 4), "float32")])
    for force in (False, True):
        result = match(anchors, filled, 6, low=0.3, high=0.7, force=force).numpy().tolist()
        assert result == plain_match(anchors, boxes, 0.3, 0.7, force)


def test_a_sample_holds_what_was_asked_for():
    matches = tf.constant([3] * 40 + [BACKGROUND] * 100 + [IGNORED] * 60)
    chosen = sample(matches, count=64, positives=0.25, seed=(0, 1)).numpy()
    assert chosen[:40].sum() == 16 and chosen[40:140].sum() == 48 and not chosen[140:].any()
    few = sample(matches[35:], count=64, positives=0.25, seed=(0, 1)).numpy()
    assert few[:5].all() and few.sum() == 64  # background fills up
    assert sample(matches[140:], count=64, positives=0.5, seed=(0, 1)).numpy().sum() == 0
    assert sample(matches[:40], count=64, positives=0.5, seed=(0, 1)).numpy().sum() == 32


def test_the_seed_alone_decides():
    matches = tf.constant([0, BACKGROUND] * 100)
    draw = [sample(matches, count=20, positives=0.5, seed=(0, n)).numpy().tolist() for n in (1, 2, 1)]
    assert draw[0] == draw[2] != draw[1]
    often = sum(np.array(sample(matches, count=20, positives=0.5, seed=(0, n))) for n in range(300))
    assert often.min() > 5 and often.max() < 60  # 30 is the mean


@pytest.mark.parametrize("force", [False, True])
def test_extremes_and_a_hundred_alike(force):
    """Boxes of a pixel, on the border and larger than the picture; of a hundred alike the first one is found."""
    anchors = np.concatenate([EXTREMES, ANCHORS])
    for boxes in (EXTREMES, EXTREMES[:1], EXTREMES[3:4], np.repeat(EXTREMES[4:5], 100, 0)):
        result = match(anchors, boxes, len(boxes), low=0.3, high=0.7, force=force).numpy().tolist()
        assert result == plain_match(anchors, boxes, 0.3, 0.7, force)
    assert result[4] == 0


def test_what_lies_in_a_box_that_need_not_be_found_is_no_background():
    """Half of an anchor's area is enough; a box that is found goes before one that need not be."""
    boxes = np.array([[0, 0, 10, 10], [0, 0, 60, 53]], "float32")
    options = {"low": 0.3, "high": 0.7, "ignored": np.array([False, True])}
    anchors = np.concatenate([ANCHORS, [[50, 50, 60, 56], [50, 50, 60, 56.1]]]).astype("float32")
    assert match(anchors, boxes, 2, **options).numpy().tolist() == [
        0,
        IGNORED,
        IGNORED,
        BACKGROUND,
        IGNORED,
        IGNORED,
        BACKGROUND,
    ]
    assert match(anchors, boxes, 1, **options).numpy().tolist() == [0, IGNORED, IGNORED] + [BACKGROUND] * 4
    everything = match(anchors, boxes, 2, low=0.3, high=0.7, force=True, ignored=np.array([True, True])).numpy()
    assert everything.tolist() == [IGNORED] * 3 + [BACKGROUND, IGNORED, IGNORED, BACKGROUND]


@pytest.mark.parametrize("number", [0, 1])
def test_a_sample_of_nothing_and_of_one(number):
    for kind in (0, BACKGROUND, IGNORED):
        chosen = sample(tf.fill([number], kind), count=64, positives=0.5, seed=(0, 1)).numpy()
        assert chosen.tolist() == [kind != IGNORED] * number
