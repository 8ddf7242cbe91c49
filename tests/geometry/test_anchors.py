"""Anchors: sizes, places and order, by hand."""

import numpy as np
import pytest

from keras_cnns.geometry.anchors import anchors, shapes
from keras_cnns.geometry.levels import level_of


def test_shapes_have_the_areas_and_ratios_asked_for():
    result = shapes((8, 16), (0.5, 1, 2))
    np.testing.assert_allclose(result[:, 0] * result[:, 1], [64, 256] * 3, rtol=1e-6)
    np.testing.assert_allclose(result[:, 1] / result[:, 0], [0.5, 0.5, 1, 1, 2, 2], rtol=1e-6)


def test_anchors_stand_in_the_middle_of_each_position_row_by_row():
    result = np.asarray(anchors(2, 3, 16, (32,), (1, 4)))
    assert result.shape == (2 * 3 * 2, 4)
    np.testing.assert_allclose(result[0], [8 - 16, 8 - 16, 8 + 16, 8 + 16])
    np.testing.assert_allclose(result[1], [8 - 8, 8 - 32, 8 + 8, 8 + 32])  # four times as high as wide
    centres = (result[::2, :2] + result[::2, 2:]) / 2
    np.testing.assert_allclose(centres, [[8, 8], [24, 8], [40, 8], [8, 24], [24, 24], [40, 24]])
    np.testing.assert_allclose(np.asarray(anchors(1, 1, 16, (32,), (1,), offset=0))[0], [-16, -16, 16, 16])


def test_the_nine_anchors_of_the_paper():
    """Table 1 of 1506.01497: about 128^2, 256^2 and 512^2 in three ratios."""
    assert np.asarray(anchors(38, 50, 16, (128, 256, 512), (0.5, 1, 2))).shape == (38 * 50 * 9, 4)


def test_regions_go_to_the_level_of_their_size():
    sides = np.array([1, 56, 111, 112, 223, 224, 447, 448, 5000], "float32")
    boxes = np.stack([0 * sides + 3, 0 * sides, sides + 3, sides], 1)
    assert np.asarray(level_of(boxes)).tolist() == [2, 2, 2, 3, 3, 4, 4, 5, 5]
    assert int(level_of(np.zeros(4, "float32"))) == 2  # no area
    expected = np.clip(np.floor(4 + np.log2(sides / 224) + 1e-6), 2, 5)
    assert np.asarray(level_of(boxes)).tolist() == expected.tolist()
    assert level_of(np.zeros((2, 0, 4), "float32")).shape == (2, 0)
    wide = np.array([[0, 0, 448, 112], [0, 7, 50176, 8], [9, 9, 9, 400]], "float32")  # the area alone decides
    assert np.asarray(level_of(wide)).tolist() == [4, 4, 2]


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize(("height", "width", "stride"), [(3, 5, 16), (1, 1, 64), (2, 3, (7, 9)), (0, 4, 8)])
def test_anchors_as_plain_loops_say(height, width, stride, rounded):
    """Those larger than any picture and thinner than a pixel among them; rounded, halves go to the even number."""
    scales, ratios = (0.5, 17, 4000), (0.25, 1, 3)
    down, across = stride if isinstance(stride, tuple) else (stride, stride)
    expected = []
    for row in range(height):
        for column in range(width):
            for ratio in ratios:
                for scale in scales:
                    half = np.array([scale / np.sqrt(ratio), scale * np.sqrt(ratio)], "float32") / 2
                    half = np.round(half) if rounded else half
                    centre = np.array([(column + 0.5) * across, (row + 0.5) * down])
                    expected.append([*(centre - half), *(centre + half)])
    actual = np.asarray(anchors(height, width, stride, scales, ratios, rounded=rounded))
    assert actual.shape == (height * width * 9, 4) and actual.dtype == "float32"
    np.testing.assert_allclose(actual, np.reshape(expected, (-1, 4)), rtol=1e-6, atol=1e-3)
