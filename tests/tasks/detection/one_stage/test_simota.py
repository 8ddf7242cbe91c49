"""SimOTA assigns objects to positions as the authors' code does; tests/golden/yolox.json has its answers."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from keras_cnns.tasks.detection.matching import BACKGROUND, IGNORED
from keras_cnns.tasks.detection.one_stage.simota import Predictions, assign

CASES = json.loads((Path(__file__).parents[3] / "golden" / "yolox.json").read_text())["simota"]
LEVELS = ((8, 12, 8), (4, 6, 16), (2, 3, 32))  # height, width, stride: of a picture of 64x96 pixels
CLASSES = 5


def cells():
    """The square of one stride of every position, float32 [126, 4]."""
    corners = [(x * s, y * s, (x + 1) * s, (y + 1) * s) for h, w, s in LEVELS for y in range(h) for x in range(w)]
    return np.array(corners, "float32")


def corners(boxes):
    """(x1, y1, x2, y2) of boxes given by centre and sides."""
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1).astype("float32")


def drawn(rng, objects):
    """Objects and predictions, in the order in which the recorded answers drew them."""
    middle = rng.uniform([5, 5], [91, 59], (objects, 2))
    truth = np.concatenate([middle, rng.uniform(6, 40, (objects, 2))], 1)
    classes = rng.integers(0, CLASSES, objects)
    centres = (cells()[:, :2] + cells()[:, 2:]) / 2
    predicted = centres + rng.normal(0, 4, centres.shape)
    predicted = np.concatenate([predicted, rng.uniform(6, 40, centres.shape)], 1)
    scores = rng.normal(-1, 1.5, (len(centres), CLASSES)).astype("float32")
    objectness = rng.normal(-1, 1.5, len(centres)).astype("float32")
    return Predictions(corners(predicted), scores, objectness, cells()), corners(truth), classes.astype("int32")


@pytest.fixture
def scene():
    return drawn(np.random.default_rng(3), 1)


def test_assigns_as_the_authors_do():
    rng = np.random.default_rng(3)
    for case in CASES:
        matches, overlaps = assign(*drawn(rng, case["objects"]), case["objects"])
        positions = np.flatnonzero(matches.numpy() >= 0)
        assert positions.tolist() == case["positions"]
        assert matches.numpy()[positions].tolist() == case["object"]
        np.testing.assert_allclose(overlaps.numpy()[positions], case["overlap"], atol=2e-5)


def test_padding_takes_no_position(scene):
    predictions, boxes, classes = scene
    padded = tf.pad(boxes, [[0, 3], [0, 0]]), tf.pad(classes, [[0, 3]])
    np.testing.assert_array_equal(assign(predictions, *padded, 1)[0], assign(*scene, 1)[0])


def test_a_picture_without_objects_is_background(scene):
    matches, overlaps = assign(*scene, 0)
    assert set(matches.numpy()) == {BACKGROUND}
    assert not overlaps.numpy().any()


def test_a_box_smaller_than_a_position_has_one(scene):
    predictions, _, classes = scene
    matches, _ = assign(predictions, np.array([[41.0, 21.0, 42.0, 22.0]], "float32"), classes, 1)
    assert (matches.numpy() == 0).any()


def test_positions_in_an_ignored_box_are_left_out(scene):
    predictions, _, classes = scene
    box = np.array([[0, 0, 48, 64]], "float32")
    matches, _ = assign(predictions, box, classes, 1, ignored=tf.constant([True]))
    centre = (cells()[:, 0] + cells()[:, 2]) / 2
    np.testing.assert_array_equal(matches.numpy() == IGNORED, centre < 48)


def test_more_objects_than_positions_share_them():
    """Two objects at one place: no position has both, and nothing fails."""
    predictions, boxes, classes = drawn(np.random.default_rng(5), 1)
    many = np.repeat(boxes, 200, 0), np.repeat(classes, 200)
    matches, _ = assign(predictions, *many, 200)
    assert 0 < (matches.numpy() >= 0).sum() < 200
