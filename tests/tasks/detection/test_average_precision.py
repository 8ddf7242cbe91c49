"""Average precision by hand, and COCO's beside pycocotools on random detections."""

import contextlib
import io

import numpy as np
import pytest

from keras_cnns.tasks.detection.average_precision import Picture, area, at_recalls, coco, curve, eleven_points, voc

SQUARE = [0, 0, 10, 10]
FAR = [50, 50, 60, 60]


def picture(boxes, result, scores=None, **more):
    scores = scores or [1 - i / 100 for i in range(len(result))]
    return Picture(boxes, [0] * len(boxes), result, [0] * len(result), scores, **more)


def test_curve_by_hand():
    """Right, wrong, right, of four boxes."""
    precision, recall = curve([True, False, True], 4)
    np.testing.assert_allclose(precision, [1, 1 / 2, 2 / 3])
    np.testing.assert_allclose(recall, [1 / 4, 1 / 4, 1 / 2])
    assert area(precision, recall) == pytest.approx(1 / 4 * 1 + 1 / 4 * 2 / 3)
    assert eleven_points(precision, recall) == pytest.approx((3 * 1 + 3 * 2 / 3) / 11)
    assert at_recalls(precision, recall) == pytest.approx((26 * 1 + 25 * 2 / 3) / 101)


@pytest.mark.parametrize("year", [2007, 2012])
def test_voc_by_hand(year):
    assert voc([picture([SQUARE], [SQUARE])], 1, year=year)["map"] == pytest.approx(1)
    assert voc([picture([SQUARE], [FAR])], 1, year=year)["map"] == 0
    assert voc([picture([SQUARE], [])], 1, year=year)["map"] == 0
    assert voc([picture([], [])], 1, year=year)["map"] == 0  # nothing to find
    # the second time the same box is found is a mistake, but it comes after
    assert voc([picture([SQUARE, FAR], [SQUARE, SQUARE, FAR])], 1, year=2012)["map"] == pytest.approx(1 / 2 + 2 / 3 / 2)


def test_voc_does_not_ask_for_difficult_boxes():
    assert voc([picture([SQUARE, FAR], [SQUARE], ignored=[False, True])], 1)["map"] == 1
    assert voc([picture([SQUARE, FAR], [FAR, SQUARE], ignored=[False, True])], 1)["map"] == 1  # nor minds them


def test_voc_is_a_mean_over_the_classes_that_are_shown():
    both = Picture([SQUARE, FAR], [0, 1], [SQUARE], [0], [0.9])
    result = voc([both], 3)
    assert result["map"] == 0.5 and result["classes"][:2] == [1, 0] and np.isnan(result["classes"][2])


def random_pictures(seed, count=30, classes=4):
    rng = np.random.default_rng(seed)
    pictures = []
    for _ in range(count):
        n = rng.integers(0, 8)
        corner, sides = rng.uniform(0, 300, (n, 2)), rng.choice([20, 60, 150], (n, 1)) * rng.uniform(0.7, 1.4, (n, 2))
        boxes = np.concatenate([corner, corner + sides], 1)
        labels, crowd = rng.integers(0, classes, n), rng.random(n) < 0.1
        copies = np.repeat(np.arange(n), rng.integers(0, 4, n))
        result = boxes[copies] + rng.normal(0, 0.08, (len(copies), 4)) * np.tile(sides[copies], 2)
        result[:, 2:] = np.maximum(result[:, 2:], result[:, :2] + 1)
        message = np.where(rng.random(len(copies)) < 0.8, labels[copies], rng.integers(0, classes, len(copies)))
        scores = np.round(rng.random(len(copies)), 2)  # with ties
        pictures.append(Picture(boxes, labels, result, message, scores, crowd=crowd))
    return pictures


def pycocotools(pictures, classes):
    api, evaluation = pytest.importorskip("pycocotools.coco"), pytest.importorskip("pycocotools.cocoeval")
    truth, results = [], []
    for number, p in enumerate(pictures, start=1):
        for box, label, crowd in zip(p.boxes, p.classes, p.crowd, strict=True):
            x1, y1, x2, y2 = map(float, box)
            row = {"id": len(truth) + 1, "image_id": number, "category_id": int(label) + 1, "iscrowd": int(crowd)}
            truth.append(row | {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)})
        for box, label, score in zip(p.detected, p.detected_classes, p.scores, strict=True):
            x1, y1, x2, y2 = map(float, box)
            row = {"image_id": number, "category_id": int(label) + 1, "score": float(score)}
            results.append(row | {"bbox": [x1, y1, x2 - x1, y2 - y1]})
    with contextlib.redirect_stdout(io.StringIO()):
        known = api.COCO()
        known.dataset = {
            "images": [{"id": n} for n in range(1, len(pictures) + 1)],
            "annotations": truth,
            "categories": [{"id": n} for n in range(1, classes + 1)],
        }
        known.createIndex()
        e = evaluation.COCOeval(known, known.loadRes(results), "bbox")
        e.evaluate()
        e.accumulate()
        e.summarize()
    keys = ("map", "map_50", "map_75", "map_small", "map_medium", "map_large")
    return dict(zip(keys, e.stats[:6], strict=True)) | {"recall": e.stats[8]}


@pytest.mark.parametrize("seed", range(6))
def test_coco_equals_pycocotools(seed):
    pictures = random_pictures(seed)
    expected = pycocotools(pictures, 4)
    assert 0.2 < expected["map"] < 0.9
    assert coco(pictures, 4) == pytest.approx(expected, abs=1e-6)


def test_coco_of_nothing_found_and_of_nothing_there():
    assert coco([picture([SQUARE], [])], 1)["map"] == 0
    assert coco([picture([], [SQUARE])], 1)["map"] == -1
    assert coco([], 1)["map"] == -1


def test_only_the_hundred_best_of_a_picture_count():
    assert coco([picture([SQUARE], [FAR] * 100 + [SQUARE])], 1)["map"] == 0
    assert coco([picture([SQUARE], [FAR] * 99 + [SQUARE])], 1)["map"] == pytest.approx(0.01, rel=0.05)


def test_a_curve_has_the_best_precision_at_each_recall():
    """Two of two found, a wrong one between them: 1 up to a recall of one half, then two thirds."""
    from keras_cnns.tasks.detection.average_precision import precisions

    there = [[0, 0, 10, 10], [20, 20, 30, 30]]
    result = [[0, 0, 10, 10], [50, 50, 60, 60], [20, 20, 30, 30]]
    shown, missing = precisions([Picture(there, [0, 0], result, [0, 0, 0], [0.9, 0.8, 0.7])], 2)
    assert missing is None and shown[:51].tolist() == [1.0] * 51
    np.testing.assert_allclose(shown[51:], 2 / 3)
