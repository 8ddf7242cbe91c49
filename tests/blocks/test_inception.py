"""Inception modules from their data: names, shapes, paddings, and the scaled residual."""

import keras
import numpy as np
import pytest

from keras_cnns.blocks.conv import KERAS, TORCH, ConvUnit
from keras_cnns.blocks.inception import chain, module, residual
from keras_cnns.models import inception_v3, inception_v4
from keras_cnns.testing import randomize


def build(block, *args, shape=(9, 9, 8), unit=None, **options):
    image = keras.Input(shape)
    return keras.Model(image, block(image, *args, unit=unit or ConvUnit(), name="m", **options))


def names(model):
    return [layer.name for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]


def test_a_branch_of_one_convolution_has_its_name_and_more_are_numbered():
    branches = {"1x1": [(4, 1)], "3x3": [(2, 1), (4, 3)], "pool": [("max", 3), (4, 1)]}
    model = build(module, branches)
    assert sorted(names(model)) == ["m_1x1_conv", "m_3x3_1_conv", "m_3x3_2_conv", "m_pool_conv"]
    assert model.output_shape == (None, 9, 9, 12)


def test_an_expanded_filter_bank_stands_side_by_side():
    model = build(chain, [(4, 1), ((3, (1, 3)), (2, (3, 1)))])
    assert sorted(names(model)) == ["m_1_conv", "m_2a_conv", "m_2b_conv"]
    assert model.output_shape == (None, 9, 9, 5)
    assert model.get_layer("m_2a_conv").input is model.get_layer("m_2b_conv").input


@pytest.mark.parametrize(("step", "size"), [((4, 3, 2, "V"), 4), ((4, 3, 2), 5), (("max", 3, 2, "V"), 4)])
def test_v_pads_nothing(step, size):
    assert build(chain, [step]).output_shape[1:3] == (size, size)


@pytest.mark.parametrize(
    ("branches", "shape", "grid"),
    [
        (inception_v3.a(32), (35, 35, 192), (35, 35, 256)),
        (inception_v3.REDUCTION_A, (35, 35, 288), (17, 17, 768)),
        (inception_v3.b(128), (17, 17, 768), (17, 17, 768)),
        (inception_v3.REDUCTION_B, (17, 17, 768), (8, 8, 1280)),
        (inception_v3.C, (8, 8, 1280), (8, 8, 2048)),
        (inception_v4.A, (35, 35, 384), (35, 35, 384)),
        (inception_v4.reduction_a(192, 224, 256, 384), (35, 35, 384), (17, 17, 1024)),
        (inception_v4.B, (17, 17, 1024), (17, 17, 1024)),
        (inception_v4.REDUCTION_B, (17, 17, 1024), (8, 8, 1536)),
        (inception_v4.C, (8, 8, 1536), (8, 8, 1536)),
    ],
)
def test_the_papers_modules_have_the_papers_sizes(branches, shape, grid):
    assert build(module, branches, shape=shape).output_shape[1:] == grid


def test_padded_zeros_count_in_torchs_means_and_not_in_kerass():
    x = np.ones((1, 9, 9, 8), "float32")
    corner = {
        numerics: build(chain, [("avg", 3)], unit=ConvUnit(numerics))(x)[0, 0, 0, 0].numpy()
        for numerics in (KERAS, TORCH)
    }
    assert corner[KERAS] == pytest.approx(1) and corner[TORCH] == pytest.approx(4 / 9)


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize(("what", "reduce"), [("max", np.max), ("avg", np.mean)])
def test_rounding_up_adds_a_window_that_reaches_over_the_edge(size, what, reduce):
    """Caffe's poolings: the part outside the picture does not count."""
    x = np.random.default_rng(0).uniform(0, 1, (1, size, size, 8)).astype("float32")
    starts = range(0, size - 1, 2)
    expected = [[reduce(x[0, i : i + 3, j : j + 3], axis=(0, 1)) for j in starts] for i in starts]
    np.testing.assert_allclose(build(chain, [(what, 3, 2, "end")], shape=x.shape[1:])(x)[0], expected, atol=1e-6)


@pytest.mark.parametrize("linear", [False, True])
def test_a_residual_is_scaled_and_added(linear):
    model = randomize(build(residual, {"1x1": [(4, 1)], "3x3": [(4, 1), (4, 3)]}, scale=0.17, linear=linear))
    x = np.random.default_rng(0).normal(size=(2, 9, 9, 8)).astype("float32")
    up = keras.Model(model.input, model.get_layer("m_up_conv").output)(x).numpy()
    expected = x + 0.17 * up
    np.testing.assert_allclose(model(x), expected if linear else np.maximum(expected, 0), atol=1e-5)
    assert np.abs(up).max() > 1
