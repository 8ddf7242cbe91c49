"""Dense blocks: every layer sees all maps before it, and adds the growth rate's."""

import keras
import numpy as np
import pytest

from keras_cnns import build
from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.dense import dense_block, transition
from keras_cnns.testing import pictures, randomize

UNIT = ConvUnit()


def block(**options):
    image = keras.Input((9, 7, 5))
    y = dense_block(image, 3, 4, drop_rate=0.0, unit=UNIT, name="conv2", **options)
    return randomize(keras.Model(image, y))


def layer_by_hand(model, name, x, steps):
    """BN-ReLU-convolution, as often as there are steps, in NumPy but for the convolution itself."""
    for before, conv in steps:
        gamma, beta, mean, variance = model.get_layer(f"{name}_{before}_bn").get_weights()
        x = np.maximum((x - mean) / np.sqrt(variance + 1e-3) * gamma + beta, 0)
        kernel = model.get_layer(f"{name}_{conv}_conv").get_weights()[0]
        x = np.asarray(keras.ops.conv(x.astype("float32"), kernel, padding="same"))
    return x


@pytest.mark.parametrize(("bottleneck", "steps"), [(False, [(0, 2)]), (True, [(0, 1), (1, 2)])])
def test_equation_2(bottleneck, steps):
    model = block(bottleneck=bottleneck)
    x = images = pictures(2, (9, 7, 5)) - 0.5
    for i in (1, 2, 3):
        x = np.concatenate([x, layer_by_hand(model, f"conv2_block{i}", x, steps)], axis=-1)
    assert x.shape[-1] == 5 + 3 * 4
    np.testing.assert_allclose(model(images), x, rtol=1e-4, atol=1e-4)


def test_a_transition_halves_channels_and_sides():
    image = keras.Input((8, 6, 256))
    assert transition(image, 0.5, drop_rate=0.0, unit=UNIT, name="pool2").shape == (None, 4, 3, 128)


@pytest.mark.slow
def test_densenet121_enters_its_first_transition_with_256_maps():
    levels = build("densenet121", features_only=True).output
    assert {level: x.shape[1:] for level, x in levels.items()}["C2"] == (56, 56, 64 + 6 * 32)


@pytest.mark.slow
def test_layers_with_weights_of_a_cifar_network():
    """L = 40 counts convolutions and the classifier."""
    for name, depth in (("densenet_40_12_cifar", 40), ("densenet_bc_100_12_cifar", 100)):
        kinds = [type(layer).__name__ for layer in build(name).layers]
        assert kinds.count("Conv2D") + kinds.count("Dense") == depth
