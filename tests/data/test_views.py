"""Several views of one picture."""

import numpy as np
import pytest
from PIL import Image

from keras_cnns.data.views import multi_scale, ten_crops
from keras_cnns.support.errors import UserError

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 10, 13, 3)).astype(np.float32)


def test_ten_crops():
    views = ten_crops(IMAGES, (8, 9))
    expected = [IMAGES[:, :8, :9], IMAGES[:, :8, 4:], IMAGES[:, 2:, :9], IMAGES[:, 2:, 4:], IMAGES[:, 1:9, 2:11]]
    assert len(views) == 10
    for i, crop in enumerate(expected):
        np.testing.assert_array_equal(views[i], crop)
        np.testing.assert_array_equal(views[i + 5], crop[:, :, ::-1])


def test_crops_larger_than_the_pictures():
    with pytest.raises(UserError, match="11 x 8 do not fit into pictures of 10 x 13"):
        ten_crops(IMAGES, (11, 8))


def test_multi_scale_keeps_the_aspect():
    views = multi_scale(IMAGES, (5, 20))
    assert [tuple(view.shape[1:3]) for view in views] == [(5, 6), (20, 26)] * 2
    half = Image.fromarray(IMAGES[0].astype(np.uint8)).resize((6, 5), Image.BILINEAR)
    assert np.abs(views[0][0] - np.array(half, float)).max() < 2
    np.testing.assert_array_equal(views[3], views[1][:, :, ::-1])
