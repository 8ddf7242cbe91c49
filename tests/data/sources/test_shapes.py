"""Scenes: pure functions of their number, boxes exactly around what is seen, masks that match them."""

import numpy as np
import pytest

from keras_cnns.data.sources.shapes import CLASSES, MOST, scene

SCENES = [scene(n, "train", (96, 128)) for n in range(40)]


def test_a_number_always_gives_the_same_scene():
    again = scene(7, "train", (96, 128))
    for name in ("picture", "boxes", "classes", "mask"):
        np.testing.assert_array_equal(getattr(again, name), getattr(SCENES[7], name))
    assert not np.array_equal(scene(7, "test", (96, 128)).picture, again.picture)


def test_shapes_and_ranges():
    for s in SCENES:
        assert s.picture.shape == (96, 128, 3) and s.picture.dtype == np.uint8 and s.mask.shape == (96, 128)
        assert len(s.boxes) == len(s.classes) <= MOST
        assert (s.boxes[:, :2] >= 0).all() and (s.boxes[:, 2] <= 128).all() and (s.boxes[:, 3] <= 96).all()
        assert (s.boxes[:, 2:] > s.boxes[:, :2]).all()
        assert set(np.unique(s.mask)) == {*(s.classes + 1)} | {0}


def test_boxes_hold_the_mask_and_end_where_it_ends():
    for s in SCENES:
        inside = np.zeros(s.mask.shape, bool)
        for (x1, y1, x2, y2), label in zip(s.boxes.astype(int), s.classes, strict=True):
            inside[y1:y2, x1:x2] = True
            own = s.mask[y1:y2, x1:x2] == label + 1
            assert own[0].any() and own[-1].any() and own[:, 0].any() and own[:, -1].any()
        assert not s.mask[~inside].any()


def test_scenes_differ_in_what_they_show():
    counts = np.array([len(s.classes) for s in SCENES])
    sides = np.concatenate([np.sqrt(np.prod(s.boxes[:, 2:] - s.boxes[:, :2], 1)) for s in SCENES])
    assert counts.min() == 0 and counts.max() >= 6
    assert sides.max() > 2.5 * sides.min()
    assert len(np.unique(np.concatenate([s.classes for s in SCENES]))) == CLASSES


def test_test_scenes_bear_other_digits():
    from keras_cnns.data.sources import digits

    train, test = (digits.arrays()[split][0].reshape(-1, 64) for split in ("train", "test"))
    assert len({bytes(d) for d in test} & {bytes(d) for d in train}) <= 0.01 * len(test)


@pytest.mark.parametrize("size", [(32, 32), (17, 65)])
def test_small_pictures_too(size):
    assert all(scene(n, "test", size).picture.shape == (*size, 3) for n in range(10))
