"""Proposals and detections beside plain NumPy: decoded, clipped, the best kept, suppressed by class."""

import keras
import numpy as np

from keras_cnns.geometry.anchors import anchors
from keras_cnns.layers import Detections, Proposals
from tests.geometry.test_nms import greedy

RNG = np.random.default_rng(0)
IMAGE = np.zeros((1, 64, 96, 3), "float32")


def plain_decode(deltas, references, weights=(1, 1, 1, 1)):
    dx, dy, dw, dh = (deltas / np.asarray(weights)).T
    w, h = references[:, 2] - references[:, 0], references[:, 3] - references[:, 1]
    x, y = references[:, 0] + w / 2 + dx * w, references[:, 1] + h / 2 + dy * h
    w, h = w * np.exp(dw), h * np.exp(dh)
    boxes = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], 1)
    return np.clip(boxes, 0, [96, 64, 96, 64]).astype("float32")


def some_proposals(count=20):
    corner = RNG.uniform(0, 50, (count, 2))
    return np.concatenate([corner, corner + RNG.uniform(4, 14, (count, 2))], 1).astype("float32")


def test_proposals_are_the_best_anchors_moved():
    objectness = RNG.normal(size=(1, 4, 6, 6)).astype("float32")
    deltas = RNG.normal(0, 0.3, (1, 4, 6, 24)).astype("float32")
    layer = Proposals(16, (16, 32, 48), (1, 2), count=12, before=50, threshold=0.5)
    result = np.asarray(layer(objectness, deltas, IMAGE))[0]
    boxes = plain_decode(deltas.reshape(-1, 4), np.asarray(anchors(4, 6, 16, (16, 32, 48), (1, 2))))
    kept = greedy(boxes, objectness.ravel(), 12, 0.5, before=50)
    np.testing.assert_allclose(result[: len(kept)], boxes[kept], atol=1e-3)
    assert not result[len(kept) :].any() and len(kept) > 5


def test_what_lies_outside_the_picture_is_no_proposal():
    layer = Proposals(16, (4,), (1,), count=24, before=24)
    deltas = np.zeros((1, 4, 6, 4), "float32")
    deltas[0, 0, 0, 0] = 500  # far to the right
    boxes, kept = layer.propose(np.ones((1, 4, 6, 1), "float32"), deltas, IMAGE)
    assert np.asarray(kept).sum() == 23 and not np.asarray(boxes)[0, 23].any()
    # scores that are no numbers are no proposals either
    assert not np.asarray(layer.propose(np.full((1, 4, 6, 1), np.nan, "float32"), deltas, IMAGE)[1]).any()


def test_detections_by_hand():
    """Two proposals of one thing, refined by class 1; the same place as class 0, which the second one is sure of."""
    proposals = np.array([[[10, 10, 30, 30], [11, 10, 31, 30], [0, 0, 0, 0]]], "float32")
    logits = np.log(np.array([[[0.1, 0.2, 0.7], [0.3, 0.6, 0.1], [0.01, 0.01, 0.98]]], "float32"))
    deltas = np.zeros((1, 3, 8), "float32")
    deltas[0, 0, 4] = 5  # half a width of 20 to the right, for class 1
    result = Detections(4, least=0.15, threshold=0.5)(logits, deltas, proposals, IMAGE)
    np.testing.assert_allclose(result["scores"], [[0.7, 0.6, 0, 0]], atol=1e-6)
    assert np.asarray(result["classes"]).tolist() == [[1, 0, -1, -1]]
    np.testing.assert_allclose(result["boxes"][0], [[20, 10, 40, 30], [11, 10, 31, 30], [0] * 4, [0] * 4], atol=1e-4)


def test_detections_as_plain_loops_say():
    proposals, classes = some_proposals(), 3
    logits = RNG.normal(0, 2, (20, 1 + classes)).astype("float32")
    deltas = RNG.normal(0, 1, (20, classes, 4)).astype("float32")
    result = Detections(15, threshold=0.3)(logits[None], deltas.reshape(1, 20, -1), proposals[None], IMAGE)
    scores = (np.exp(logits) / np.exp(logits).sum(1, keepdims=True))[:, 1:]
    boxes = plain_decode(deltas.reshape(-1, 4), np.repeat(proposals, classes, 0), (10, 10, 5, 5))
    scores = np.where(scores >= 0.05, scores, -np.inf).ravel()
    kept = greedy(boxes, scores, 15, 0.3, classes=np.tile(np.arange(classes), 20))
    assert len(kept) > 8
    np.testing.assert_allclose(result["boxes"][0, : len(kept)], boxes[kept], atol=1e-3)
    np.testing.assert_allclose(result["scores"][0, : len(kept)], scores[kept], atol=1e-5)


def test_no_proposal_is_nothing_found():
    result = Detections(5)(np.ones((1, 4, 3), "float32"), np.zeros((1, 4, 8), "float32"), np.zeros((1, 4, 4)), IMAGE)
    assert not np.asarray(result["scores"]).any() and (np.asarray(result["classes"]) == -1).all()


def test_boxes_stay_float32_where_the_network_computes_in_16_bits():
    layer = Proposals(16, (16,), (1,), count=3, before=10, dtype="bfloat16")
    objectness, deltas = keras.ops.ones((1, 4, 6, 1), "bfloat16"), keras.ops.zeros((1, 4, 6, 4), "bfloat16")
    assert layer(objectness, deltas, IMAGE).dtype == "float32"
