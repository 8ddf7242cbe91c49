"""The residual unit: orderings, shortcuts, and ResNeXt's three forms of one block."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cnns import UserError, build
from keras_cnns.blocks.conv import ConvUnit, Numerics
from keras_cnns.blocks.residual import basic, bottleneck
from keras_cnns.testing import pictures, randomize

UNIT = ConvUnit(Numerics(padding="symmetric", free_bias=False, epsilon=1e-5))


def unit_model(block, channels, width, **options):
    """One residual unit with weights that are not the defaults."""
    image = keras.Input((9, 7, channels))
    return randomize(keras.Model(image, block(image, width, unit=UNIT, name="u", **options)))


def conv(model, name, x, stride=1):
    """A convolution of the unit in NumPy: kernel // 2 zeros on every side, every stride-th place."""
    kernel = model.get_layer(f"{name}_conv").get_weights()[0]
    size = kernel.shape[0]
    x = np.pad(x, ((0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0)))
    height, width = (n - size + 1 for n in x.shape[1:3])
    y = sum(x[:, i : i + height, j : j + width] @ kernel[i, j] for i in range(size) for j in range(size))
    return y[:, ::stride, ::stride]


def bn(model, name, x):
    gamma, beta, mean, variance = model.get_layer(f"{name}_bn").get_weights()
    return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta


def relu(x):
    return np.maximum(x, 0)


def original(m, x):
    return relu(x + bn(m, "u_2", conv(m, "u_2", relu(bn(m, "u_1", conv(m, "u_1", x))))))


def bn_after_addition(m, x):
    return relu(bn(m, "u_out", x + conv(m, "u_2", relu(bn(m, "u_1", conv(m, "u_1", x))))))


def relu_before_addition(m, x):
    return x + relu(bn(m, "u_2", conv(m, "u_2", relu(bn(m, "u_1", conv(m, "u_1", x))))))


def relu_only_preactivation(m, x):
    return x + bn(m, "u_2", conv(m, "u_2", relu(bn(m, "u_1", conv(m, "u_1", relu(x))))))


def full_preactivation(m, x):
    return x + conv(m, "u_2", relu(bn(m, "u_1", conv(m, "u_1", relu(bn(m, "u_preact", x))))))


FIG_4 = (original, bn_after_addition, relu_before_addition, relu_only_preactivation, full_preactivation)


@pytest.mark.parametrize("definition", FIG_4, ids=lambda f: f.__name__)
def test_the_five_orderings_of_figure_4(definition):
    model = unit_model(basic, 8, 8, stride=1, ordering=definition.__name__)
    x = pictures(2, (9, 7, 8)) - 0.5
    np.testing.assert_allclose(model(x), definition(model, x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("definition", FIG_4, ids=lambda f: f.__name__)
def test_each_ordering_is_a_network_by_name(definition):
    model = build("resnet20_cifar", ordering=definition.__name__, input_shape=(16, 16, 3))
    assert model.count_params() == 271098, "the same layers in another order"


def shortcut_of(option, channels, width, stride):
    """What a unit adds to its branch, found by taking its branch away."""
    model = unit_model(basic, channels, width, stride=stride, shortcut=option)
    x = pictures(2, (9, 7, channels)) - 0.5
    branch = bn(model, "u_2", conv(model, "u_2", relu(bn(model, "u_1", conv(model, "u_1", x, stride)))))
    total = keras.Model(model.input, model.get_layer("u_add").output)(x)
    return model, x, np.asarray(total) - branch


def test_option_a_pads_channels_with_zeros():
    _, x, shortcut = shortcut_of("identity", 4, 8, stride=2)
    expected = np.zeros((2, 5, 4, 8))
    expected[..., 2:6] = x[:, ::2, ::2]
    np.testing.assert_allclose(shortcut, expected, atol=1e-5)


def test_option_b_projects_where_channels_change():
    model, x, shortcut = shortcut_of("projection", 4, 8, stride=2)
    np.testing.assert_allclose(shortcut, bn(model, "u_0", conv(model, "u_0", x, 2)), rtol=1e-4, atol=1e-5)
    _, x, shortcut = shortcut_of("projection", 8, 8, stride=1)
    np.testing.assert_allclose(shortcut, x, atol=1e-5)


def test_option_c_projects_everywhere():
    model, x, shortcut = shortcut_of("all", 8, 8, stride=1)
    np.testing.assert_allclose(shortcut, bn(model, "u_0", conv(model, "u_0", x)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("option", "projections"), [("identity", 0), ("projection", 3), ("all", 8)])
def test_shortcut_options_of_an_imagenet_network(option, projections):
    model = build("resnet18", shortcut=option, input_shape=(32, 32, 3))
    assert sum(layer.name.endswith("_0_conv") for layer in model.layers) == projections


@pytest.mark.parametrize(("column", "value"), [("ordering", "bn_last"), ("shortcut", "B")])
def test_an_unknown_option_is_named(column, value):
    with pytest.raises(UserError, match=f"{column} is '{value}': it must be one of"):
        build("resnet20_cifar", **{column: value})


def parallel_paths(x, model, groups):
    """Fig. 3a: as many paths of 1x1, 3x3, 1x1 as there are groups, summed."""
    (k1,), (k2,), (k3,) = (model.get_layer(f"u_{i}_conv").get_weights() for i in (1, 2, 3))
    d = k2.shape[2]
    total = 0
    for g in range(groups):
        own = slice(g * d, (g + 1) * d)
        y = relu(bn_part(model, "u_1", plain(x, k1[..., own]), own))
        y = relu(bn_part(model, "u_2", plain(y, k2[..., own]), own))
        total = total + plain(y, k3[:, :, own])
    return relu(x + bn(model, "u_3", total))


def early_concatenation(x, model, groups):
    """Fig. 3b: the paths' 3x3 outputs concatenated, then one 1x1."""
    (k1,), (k2,), (k3,) = (model.get_layer(f"u_{i}_conv").get_weights() for i in (1, 2, 3))
    d = k2.shape[2]
    paths = []
    for g in range(groups):
        own = slice(g * d, (g + 1) * d)
        y = relu(bn_part(model, "u_1", plain(x, k1[..., own]), own))
        paths.append(relu(bn_part(model, "u_2", plain(y, k2[..., own]), own)))
    return relu(x + bn(model, "u_3", plain(np.concatenate(paths, axis=-1), k3)))


def plain(x, kernel):
    return np.asarray(keras.ops.conv(x.astype("float32"), kernel, padding="same"))


def bn_part(model, name, x, own):
    gamma, beta, mean, variance = (w[own] for w in model.get_layer(f"{name}_bn").get_weights())
    return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta


def test_the_three_forms_of_a_resnext_block_are_equal():
    model = unit_model(bottleneck, 256, 64, stride=1, C=32, d=4)
    x = pictures(2, (9, 7, 256)) - 0.5
    assert [type(layer).__name__ for layer in model.layers].count("GroupedConv2D") == 1  # Fig. 3c
    grouped = np.asarray(model(x))
    np.testing.assert_allclose(parallel_paths(x, model, 32), grouped, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(early_concatenation(x, model, 32), grouped, rtol=1e-4, atol=1e-3)


def test_a_unit_that_keeps_its_channels_and_strides_takes_every_second_pixel():
    model = unit_model(bottleneck, 16, 4, stride=2, ordering="full_preactivation")
    kernel = model.get_layer("u_3_conv")
    kernel.set_weights([np.zeros_like(w) for w in kernel.get_weights()])
    x = pictures(2, (9, 7, 16))
    np.testing.assert_array_equal(model(x), x[:, ::2, ::2])


def test_dropout_stands_between_the_convolutions_of_a_wide_resnet():
    names = [layer.name for layer in build("wrn_16_8_cifar", widths=(16, 32, 64)).layers]
    start = names.index("conv2_block2_1_conv")
    assert names[start:][:5] == [f"conv2_block2_{end}" for end in ("1_conv", "1_bn", "1_relu", "drop", "2_conv")]
    assert isinstance(build("wrn_16_8_cifar").get_layer("conv2_block2_drop"), layers.Dropout)
