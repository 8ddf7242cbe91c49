"""Proposals and pooling over the levels of a feature pyramid, beside loops over single levels."""

import keras
import numpy as np
import pytest

from keras_cnns.geometry.anchors import anchors
from keras_cnns.geometry.levels import level_of
from keras_cnns.layers import PyramidProposals, PyramidRoIAlign
from tests.geometry.test_nms import greedy
from tests.layers.test_detections import plain_decode
from tests.layers.test_roi_pooling import plain_align

RNG = np.random.default_rng(0)
IMAGE = np.zeros((1, 64, 96, 3), "float32")
LEVELS = [RNG.normal(size=(2, 64 >> n, 96 >> n, 3)).astype("float32") for n in (0, 1, 2)]
BOXES = np.array([[0, 0, 96, 64], [3, 5, 60, 44], [10, 10, 22, 20], [40, 30, 41, 31], [-20, 8, 30, 90]], "float32")


@pytest.mark.parametrize("aligned", [True, False])
def test_each_box_is_pooled_from_the_level_of_its_size(aligned):
    boxes = np.stack([BOXES, BOXES[::-1]]) * np.float32(4)  # on pictures four times as large, whose levels are these
    pooled = np.asarray(PyramidRoIAlign(3, lowest=2, aligned=aligned)(LEVELS, boxes))
    which = np.asarray(level_of(boxes, lowest=2, highest=4)) - 2
    assert len(np.unique(which)) == 3
    import tests.layers.test_roi_pooling as single

    for picture, number in np.ndindex(2, 5):
        n = which[picture, number]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(single, "STRIDE", 4 * 2**n)
            expected = plain_align(LEVELS[n][picture], boxes[picture, number], 3, 2, aligned)
        np.testing.assert_allclose(pooled[picture, number], expected, atol=1e-5)


def test_no_box_and_saved(tmp_path):
    levels = [keras.Input((None, None, 3)) for _ in LEVELS]
    boxes = keras.Input((None, 4))
    model = keras.Model([levels, boxes], PyramidRoIAlign(2, lowest=2)(levels, boxes))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    inputs = np.stack([BOXES, BOXES]) * np.float32(4)
    np.testing.assert_allclose(loaded([LEVELS, inputs]), PyramidRoIAlign(2, lowest=2)(LEVELS, inputs), atol=1e-6)
    assert loaded([LEVELS, inputs[:, :0]]).shape == (2, 0, 2, 2, 3)


def test_proposals_are_the_best_of_each_level_suppressed_by_itself():
    shapes, scales, ratios = [(16, 24), (8, 12)], (12, 24), (0.5, 1.0, 2.0)
    objectness = [RNG.normal(size=(1, *shape, 3)).astype("float32") for shape in shapes]
    deltas = [RNG.normal(0, 0.3, (1, *shape, 12)).astype("float32") for shape in shapes]
    layer = PyramidProposals(4, scales, ratios, count=30, before=40, threshold=0.5, offset=0.0, rounded=True)
    result = np.asarray(layer(objectness, deltas, IMAGE))[0]
    boxes, scores, levels = [], [], []
    for n, (shape, scale) in enumerate(zip(shapes, scales, strict=True)):
        own = objectness[n].ravel()
        best = np.argsort(-own)[:40]
        around = np.asarray(anchors(*shape, 4 * 2**n, (scale,), ratios, offset=0.0, rounded=True))[best]
        boxes.append(plain_decode(deltas[n].reshape(-1, 4)[best], around))
        inside = (boxes[-1][:, 2:] - boxes[-1][:, :2] > 1e-3).all(1)  # what lies beside the picture is none
        scores.append(np.where(inside, own[best], -np.inf))
        levels += [n] * 40
    kept = greedy(np.concatenate(boxes), np.concatenate(scores), 30, 0.5, classes=np.array(levels))
    np.testing.assert_allclose(result[: len(kept)], np.concatenate(boxes)[kept], atol=1e-3)
    assert len(kept) > 10 and len({levels[i] for i in kept}) == 2


def test_a_level_whose_size_was_rounded_has_the_stride_that_its_size_says():
    """As torchvision has it: 6 positions become 3, and 3 become 2 of 48 pixels each instead of 64."""
    layer = PyramidProposals(16, (16, 32, 64), (1.0,), count=5, before=5)
    result = np.asarray(layer.anchors([np.zeros((1, n, n, 1), "float32") for n in (6, 3, 2)]))
    centres = (result[-4:, :2] + result[-4:, 2:]) / 2
    assert centres.tolist() == [[24, 24], [72, 24], [24, 72], [72, 72]]
