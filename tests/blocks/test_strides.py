"""Dilated stages: what a stride would have left out is kept, and every kernel sees what it saw."""

import numpy as np
import pytest

from keras_cnns import UserError, build
from keras_cnns.blocks.conv import TORCH
from keras_cnns.blocks.strides import Strides
from keras_cnns.testing import pictures, randomize


def test_by_hand():
    """ResNet's stages at output stride 8: the first block of a dilated stage begins with the dilation before it."""
    strides = Strides(8)
    result = [tuple(strides(n).values()) for n in (4, 1, 2, 1, 2, 1, 2, 1)]
    assert result[:4] == [(1, False)] * 4
    assert result[4:] == [(1, True), (2, False), (2, True), (4, False)]


def test_torchvision_dilates_the_block_that_loses_its_stride():
    ours, theirs = Strides(8), Strides(8, dilate_strided=True)
    assert ours(8) == theirs(8) == {"dilation": 1, "kept": False}
    assert ours(2) == {"dilation": 1, "kept": True} and theirs(2) == {"dilation": 2, "kept": True}
    assert ours(1) == theirs(1) == {"dilation": 2, "kept": False}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("resnet18", {"widths": (4, 4, 8, 8)}),
        ("plain18", {"widths": (4, 4, 8, 8)}),
        ("resnet50", {"widths": (4, 4, 8, 8)}),  # the stride in the first 1x1
        ("resnet50_v1_5", {"widths": (4, 4, 8, 8)}),
        ("mobilenet_v2", {"width": 0.35, "numerics": TORCH}),
        ("mobilenet_v3_large_minimalistic", {"width": 0.35, "numerics": TORCH}),  # a gate would see other means
    ],
)
@pytest.mark.parametrize("output_stride", [8, 16])
def test_every_second_position_is_that_of_the_network_with_strides(name, columns, output_stride):
    """Padding on both sides alike: positions lie on each other."""
    options = {"input_shape": (64, 96, 3), "include_top": False, **columns}
    plain = randomize(build(name, **options))
    dilated = build(name, output_stride=output_stride, **options)
    dilated.set_weights(plain.get_weights())
    images = pictures(1, (64, 96, 3))
    expected, actual = np.asarray(plain(images)), np.asarray(dilated(images))
    assert actual.shape[1:3] == (64 // output_stride, 96 // output_stride)
    step = 32 // output_stride
    np.testing.assert_allclose(actual[:, ::step, ::step], expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_a_stride_that_is_none_is_refused():
    with pytest.raises(UserError, match="8, 16, 32"):
        build("resnet18", output_stride=4)
