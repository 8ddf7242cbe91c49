"""A scene laid into a picture of another size: by hand, and its border cases."""

import numpy as np
import pytest

from keras_cnns.data.augment.letterbox import FILL, fitting, place
from keras_cnns.data.sources.sample import VOID, Sample


def scene(height=20, width=40):
    """A white box from (8, 4) to (24, 16), label 3, on black."""
    image, mask = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
    image[4:16, 8:24], mask[4:16, 8:24] = 255, 3
    return Sample(image, boxes=np.array([[8, 4, 24, 16]], "float32"), classes=[2], mask=mask)


def test_one_of_the_right_size_stays():
    assert place(scene(), (20, 40), 1.0) is not None and place(scene(), (20, 40), 1.0).picture is not None
    np.testing.assert_array_equal(place(scene(), (20, 40), 1.0).picture, scene().picture)


def test_it_keeps_its_aspect_and_what_it_does_not_reach_is_void():
    assert fitting((20, 40), (60, 80)) == 2
    sample = place(scene(), (60, 80), 2.0)
    np.testing.assert_array_equal(sample.boxes, [[16, 8, 48, 32]])
    assert (
        (sample.picture[40:] == FILL).all()
        and (sample.mask[40:] == VOID).all()
        and not (sample.mask[:40] == VOID).any()
    )
    assert (sample.mask[8:32, 16:48] == 3).all() and (sample.mask == 3).sum() == 24 * 32
    assert sample.picture[20, 30].tolist() == [255] * 3


def test_what_is_cut_away():
    sample = place(scene(), (20, 40), 1.0, corner=(0, -20))  # 4 of the box's 16 columns are left: a quarter
    np.testing.assert_array_equal(sample.boxes, [[0, 4, 4, 16]])
    assert sample.classes.tolist() == [2] and sample.ignored.tolist() == [False]
    assert place(scene(), (20, 40), 1.0, corner=(0, -21)).ignored.tolist() == [True]
    gone = place(scene(), (20, 40), 1.0, corner=(0, -24))
    assert gone.boxes.shape == (0, 4) and len(gone.classes) == len(gone.ignored) == 0 and not (gone.mask == 3).any()


@pytest.mark.parametrize("corner", [(-100, 0), (0, 100), (300, -300)])
def test_a_picture_that_lies_outside_shows_nothing(corner):
    sample = place(scene(), (20, 40), 1.0, corner)
    assert (sample.picture == FILL).all() and (sample.mask == VOID).all() and not len(sample.boxes)


def test_one_pixel_is_left_of_a_picture_that_vanishes():
    assert place(scene(), (5, 5), 0.001).picture.shape == (5, 5, 3)
