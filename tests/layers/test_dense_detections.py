"""Scores and deltas of every position become objects, as a slow loop over boxes in NumPy finds them."""

import keras
import numpy as np
import pytest

from keras_cnns.layers import RetinaNetDetections, SSDDetections

IMAGE = np.zeros((1, 64, 96, 3), "float32")
LEVELS = [np.zeros((1, 8, 12, 1), "float32"), np.zeros((1, 4, 6, 1), "float32")]
SSD = SSDDetections(20, least=0.2, threshold=0.45, candidates=30, scales=(0.2, 0.5, 0.9), ratios=((2,), (2, 3)))
RETINANET = RetinaNetDetections(
    20, least=0.2, threshold=0.45, candidates=25, stride=8, scales=((12, 18), (30, 45)), ratios=(0.5, 1.0)
)


def outputs(layer, classes, seed=0):
    """Random logits [1, N, K] and deltas [1, N, 4], and the boxes [N, 4] that the deltas stand for, clipped."""
    rng = np.random.default_rng(seed)
    references = np.concatenate([np.asarray(r) for r in layer.references(LEVELS, IMAGE)])
    scores = rng.normal(-1, 2, (1, len(references), classes)).astype("float32")
    deltas = rng.normal(0, 0.3, (1, len(references), 4)).astype("float32")
    boxes = np.asarray(layer.decoded(deltas[0], references))
    return scores, deltas, np.clip(boxes, 0, [96, 64, 96, 64]).astype("float32")


def overlap(a, b):
    """Intersection over union."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    both = np.prod(np.maximum(sides, 0.0))
    return both / max(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - both, 1e-9)


def suppressed(boxes, scores, threshold):
    """Indices that stay, best first."""
    kept = []
    for n in np.argsort(-scores, kind="stable"):
        if all(overlap(boxes[n], boxes[m]) <= threshold for m in kept):
            kept.append(n)
    return kept


def objects_of(found, count):
    """[(score, class, box)], best first."""
    return sorted(found, key=lambda row: -row[0])[:count]


def of_classes(probabilities, boxes, layer):
    found = []
    for label in range(probabilities.shape[1]):
        best = np.argsort(-probabilities[:, label], kind="stable")[: layer.candidates]
        best = best[probabilities[best, label] > layer.least]
        kept = best[suppressed(boxes[best], probabilities[best, label], layer.threshold)]
        found += [(probabilities[n, label], label, boxes[n]) for n in kept]
    return objects_of(found, layer.count)


def of_levels(probabilities, boxes, layer):
    sizes = [len(r) for r in layer.references(LEVELS, IMAGE)]
    candidates, start = [], 0
    for size in sizes:
        flat = probabilities[start : start + size].ravel()
        best = np.argsort(-flat, kind="stable")[: layer.candidates]
        candidates += [(start + n // probabilities.shape[1], n % probabilities.shape[1]) for n in best]
        start += size
    candidates = [(n, label) for n, label in candidates if probabilities[n, label] > layer.least]
    found = []
    for label in range(probabilities.shape[1]):
        rows = np.array([n for n, own in candidates if own == label], int)
        kept = rows[suppressed(boxes[rows], probabilities[rows, label], layer.threshold)] if len(rows) else []
        found += [(probabilities[n, label], label, boxes[n]) for n in kept]
    return objects_of(found, layer.count)


@pytest.mark.parametrize("seed", [0, 1])
def test_ssd_suppresses_each_class_by_itself(seed):
    scores, deltas, boxes = outputs(SSD, 4, seed)
    e = np.exp(scores[0].astype("float64"))
    assert_same(SSD(scores, deltas, LEVELS, IMAGE), of_classes((e / e.sum(1, keepdims=True))[:, 1:], boxes, SSD))


@pytest.mark.parametrize("seed", [0, 1])
def test_retinanet_takes_the_best_of_each_level(seed):
    scores, deltas, boxes = outputs(RETINANET, 3, seed)
    assert_same(RETINANET(scores, deltas, LEVELS, IMAGE), of_levels(1 / (1 + np.exp(-scores[0])), boxes, RETINANET))


def assert_same(answer, expected):
    assert len(expected) > 5
    answer = {name: keras.ops.convert_to_numpy(value)[0] for name, value in answer.items()}
    count = len(expected)
    np.testing.assert_allclose(answer["scores"][:count], [row[0] for row in expected], atol=1e-6)
    np.testing.assert_array_equal(answer["classes"][:count], [row[1] for row in expected])
    np.testing.assert_allclose(answer["boxes"][:count], [row[2] for row in expected], atol=1e-4)
    assert (answer["classes"][count:] == -1).all() and not answer["boxes"][count:].any()


@pytest.mark.parametrize("layer", [SSD, RETINANET])
def test_nothing_above_the_least_score_is_no_object(layer):
    scores, deltas, _ = outputs(layer, 4)
    low = np.full_like(scores, -9.0)
    low[..., 0] = 9.0 if layer is SSD else -9.0  # the background
    answer = layer(low, deltas, LEVELS, IMAGE)
    assert (np.asarray(answer["classes"]) == -1).all() and not np.asarray(answer["scores"]).any()


def test_default_boxes_of_the_paper():
    """Of a position: the scale, the geometric mean with the next one, and the scale at each ratio and its inverse."""
    first = np.asarray(SSD.references(LEVELS, IMAGE)[0])[:4]
    sides = (first[:, 2:] - first[:, :2]) / [96, 64]
    between = (0.2 * 0.5) ** 0.5
    wide = (0.2 * 2**0.5, 0.2 / 2**0.5)
    np.testing.assert_allclose(sides, [(0.2, 0.2), (between, between), wide, wide[::-1]], rtol=1e-5)
    np.testing.assert_allclose((first[:, :2] + first[:, 2:]) / 2, 4 * [(4, 4)], atol=1e-5)
