"""Mirror, zoom and mosaic: pixels, boxes and masks move together."""

import numpy as np
import pytest

from keras_cnns.data.augment.geometric import mirrored, mosaic, zoomed
from keras_cnns.data.sources.sample import VOID
from keras_cnns.data.sources.shapes import scene

SCENES = [scene(n, "train", (96, 128)) for n in range(1, 5)]


def check_consistent(result, cuts=((), ())):
    """Every box holds its class's pixels up to its sides, to a pixel and a half; one that was cut, only some.

    cuts: columns and rows besides the border where pictures are cut.
    """
    height, width = result.mask.shape
    columns, rows = {0, width, *cuts[0]}, {0, height, *cuts[1]}
    for box, label in zip(result.boxes, result.classes, strict=True):
        x1, y1, x2, y2 = np.round(box).astype(int)
        if (x2 - x1) * (y2 - y1) < 60:
            continue
        own = np.argwhere(result.mask[y1:y2, x1:x2] == label + 1)
        if {x1, x2} & columns or {y1, y2} & rows:
            assert len(own) or (x2 - x1) * (y2 - y1) < 400
            continue
        assert (np.abs(np.concatenate([own.min(0), own.max(0) + 1]) - [0, 0, y2 - y1, x2 - x1]) <= 1.5).all()


def test_mirrored_twice_is_the_same():
    once = mirrored(SCENES[0])
    check_consistent(once)
    np.testing.assert_array_equal(once.picture, SCENES[0].picture[:, ::-1])
    twice = mirrored(once)
    for name in ("picture", "boxes", "mask"):
        np.testing.assert_array_equal(getattr(twice, name), getattr(SCENES[0], name))


@pytest.mark.parametrize("u", [(0, 0, 0), (0.5, 0.3, 0.9), (0.999, 0.999, 0.0)])
def test_zoomed(u):
    result = zoomed(SCENES[0], (96, 128), (0.5, 2.0), np.array(u))
    check_consistent(result)
    assert result.picture.shape == (96, 128, 3)
    reached = (result.mask != VOID).mean()
    assert reached == pytest.approx(min(1, (0.5 * 4 ** u[0]) ** 2), abs=0.03)


def test_a_zoom_of_one_is_the_picture():
    np.testing.assert_array_equal(zoomed(SCENES[1], (96, 128), (1.0, 1.0), np.full(3, 0.5)).picture, SCENES[1].picture)


def test_a_mosaic_has_a_part_of_each():
    u = np.random.default_rng(0).uniform(size=14)
    result = mosaic(SCENES, (96, 128), u)
    assert result.picture.shape == (96, 128, 3) and result.mask.shape == (96, 128)
    assert len(result.boxes) == len(result.classes) == len(result.ignored) == len(result.crowd)
    row, column = round(96 * (0.3 + 0.4 * u[0])), round(128 * (0.3 + 0.4 * u[1]))
    check_consistent(result, ((column,), (row,)))
    for i, s in enumerate(SCENES):
        quarter = result.mask[
            slice(0, row) if i < 2 else slice(row, 96), slice(0, column) if i % 2 == 0 else slice(column, 128)
        ]
        assert set(np.unique(quarter)) <= set(np.unique(s.mask)) | {VOID}
    assert len(result.boxes) > 4
    inside = (result.boxes[:, :2] >= 0).all() and (result.boxes[:, 2:] <= [128, 96]).all()
    assert inside and (result.boxes[:, 2:] > result.boxes[:, :2]).all()
