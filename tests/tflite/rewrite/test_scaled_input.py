"""How a network scales its input in int8: by a convolution on a CPU, by a product or a sum on large NPUs."""

import keras
import numpy as np
import pytest

from keras_cnns.tflite.rewrite.prepare import prepare
from keras_cnns.tflite.targets.table import TARGETS
from keras_cnns.tflite.targets.target import Rewrites

PRODUCT, SUM = Rewrites(scaled_input="product"), Rewrites(scaled_input="sum")


def network(scaling, padding="same"):
    """A padded convolution behind a scaling, which cannot be folded into it."""
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 3))
    return keras.Model(image, keras.layers.Conv2D(4, 3, padding=padding)(scaling(image)))


def operations_of(model):
    return [type(operation).__name__ for operation in model.operations[1:]]


@pytest.fixture
def pictures():
    return np.random.default_rng(0).uniform(0, 255, (3, 6, 6, 3)).astype("f4")


def test_one_scale_for_all_channels_becomes_a_product_and_a_sum(pictures):
    model = network(keras.layers.Rescaling(1 / 127.5, -1))
    written = prepare(model, int8_forms=PRODUCT)
    assert operations_of(written) == ["Multiply", "Add", "Conv2D"]
    np.testing.assert_allclose(written(pictures), model(pictures), atol=1e-5)


def test_the_default_is_a_convolution(pictures):
    model = network(keras.layers.Rescaling(1 / 127.5, -1))
    written = prepare(model, int8_forms=Rewrites())
    assert operations_of(written) == ["DepthwiseConv2D", "Conv2D"]
    np.testing.assert_allclose(written(pictures), model(pictures), atol=1e-5)


def test_scales_of_their_own_stay_a_convolution(pictures):
    model = network(keras.layers.Normalization(mean=[100.0, 110.0, 120.0], variance=[50.0, 60.0, 70.0]))
    written = prepare(model, int8_forms=PRODUCT)
    assert operations_of(written) == ["DepthwiseConv2D", "Conv2D"]
    np.testing.assert_allclose(written(pictures), model(pictures), atol=1e-4)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_scales_of_their_own_become_a_sum_before_a_padded_convolution(padding, pictures):
    model = network(keras.layers.Normalization(mean=[100.0, 110.0, 120.0], variance=[50.0, 60.0, 70.0]), padding)
    written = prepare(model, int8_forms=SUM)
    assert operations_of(written) == (["Add", "Conv2D"] if padding == "same" else ["Conv2D"])
    np.testing.assert_allclose(written(pictures), model(pictures), atol=1e-4)


def test_the_sum_is_before_zeros_that_are_added_around_the_picture(pictures):
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 3))
    x = keras.layers.Normalization(mean=[100.0, 110.0, 120.0], variance=[50.0, 60.0, 70.0])(image)
    x = keras.layers.ZeroPadding2D(((1, 1), (2, 1)))(x)
    model = keras.Model(image, keras.layers.Conv2D(4, 3, strides=2)(x))
    written = prepare(model, int8_forms=SUM)
    assert operations_of(written) == ["Add", "ZeroPadding2D", "Conv2D"]
    np.testing.assert_allclose(written(pictures), model(pictures), atol=1e-4)


@pytest.mark.parametrize("shift", [-1.0, [-1.0, -1.0, -1.0]])
def test_one_scale_for_all_channels_becomes_a_product_there_too(shift, pictures):
    model = network(keras.layers.Rescaling(1 / 127.5, shift))
    written = prepare(model, int8_forms=SUM)
    assert operations_of(written) == ["Multiply", "Add", "Conv2D"]
    np.testing.assert_allclose(written(pictures), model(pictures), atol=1e-5)


def test_an_input_that_others_read_too_stays_a_convolution(pictures):
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 3))
    x = keras.layers.Normalization(mean=[100.0, 110.0, 120.0], variance=[50.0, 60.0, 70.0])(image)
    first, second = (keras.layers.Conv2D(4, 3, padding="same")(x) for _ in range(2))
    model = keras.Model(image, first + second)
    written = prepare(model, int8_forms=SUM)
    assert operations_of(written) == ["DepthwiseConv2D", "Conv2D", "Conv2D", "Add"]
    np.testing.assert_allclose(written(pictures), model(pictures), atol=1e-4)


def test_each_npu_wants_what_vela_estimates_least_cycles_for():
    wanted = {name: target.rewrites().scaled_input for name, target in TARGETS.items()}
    assert {name: form for name, form in wanted.items() if form != "convolution"} == {
        "ethos-u65-256": "product",
        "ethos-u85-512": "sum",
    }
    assert [name for name, target in TARGETS.items() if target.rewrites().copied_inputs] == ["ethos-u85-512"]
