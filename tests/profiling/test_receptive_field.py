"""Receptive fields, compared with what the gradient says that a position sees."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_cnns import build, profile
from keras_cnns.layers import AdaptivePooling2D, LocalContrastNormalization, WeightedPooling2D


def seen(model, row, axis=0):
    """First and last pixel, along an axis of the picture, that the map's position `row` (on both axes) depends on.

    Kernels are made positive and pooling is of means, so that no dependence cancels.
    """
    for v in model.weights:
        v.assign(np.abs(v.numpy()) + 0.1)
    picture = tf.Variable(np.random.default_rng(0).uniform(0.5, 1, (1, *model.input_shape[1:])).astype("float32"))
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(model(picture)[0, row, row])
    where = np.flatnonzero(np.abs(tape.gradient(y, picture).numpy()[0]).sum((1 - axis, 2)))
    return where[0], where[-1]


def chain(*stack, size=(41, 41, 1)):
    return keras.Sequential([keras.Input(size), *stack])


CHAINS = {
    "one": [layers.Conv2D(1, 5)],
    "strides": [layers.Conv2D(1, 3, strides=2, padding="same"), layers.Conv2D(1, 3, strides=2, padding="same")],
    "padded by hand": [layers.ZeroPadding2D(((1, 2), (1, 2))), layers.Conv2D(1, 4, strides=2)],
    "dilated": [layers.Conv2D(1, 3, dilation_rate=3), layers.AveragePooling2D(2), layers.Conv2D(1, 3, padding="same")],
    "even": [layers.Conv2D(1, 4, padding="same"), layers.Conv2D(1, 2, strides=2, padding="same")],
    "cropped": [layers.Cropping2D(3), layers.DepthwiseConv2D(3), layers.SeparableConv2D(1, 3, padding="same")],
    "larger": [layers.Conv2D(1, 3, strides=2), layers.UpSampling2D(2), layers.Conv2D(1, 3)],
    "weighted": [WeightedPooling2D(4, 2), layers.Conv2D(1, 3)],
    "adaptive": [layers.Conv2D(1, 2), AdaptivePooling2D(10), layers.Conv2D(1, 3)],
}


@pytest.mark.parametrize("stack", CHAINS.values(), ids=CHAINS)
def test_the_field_is_what_the_gradient_reaches(stack):
    model = chain(*[layer.__class__.from_config(layer.get_config()) for layer in stack])
    row, position = profile(model)[-1], 4
    first, last = seen(model, position)
    middle = row.start[0] + position * row.jump[0]
    assert (middle - row.field[0] / 2, middle + row.field[0] / 2) == (first, last + 1)


def test_branches_see_together():
    image = keras.Input((41, 41, 1))
    narrow = layers.Conv2D(1, 3, padding="same")(image)
    wide = layers.Conv2D(1, 3, padding="same")(layers.Conv2D(1, 7, padding="same")(image))
    model = keras.Model(image, layers.Add()([narrow, layers.Concatenate()([wide])]))
    row = profile(model)[-1]
    first, last = seen(model, 20)
    assert row.field == (9, 9) and (first, last) == (16, 24)


def test_unlike_axes():
    row = profile(chain(layers.Conv2D(1, (1, 7)), layers.Conv2D(1, (7, 1)), layers.AveragePooling2D((2, 1))))[-1]
    assert (row.field, row.jump, row.start) == ((8, 7), (2, 1), (4.0, 3.5))


@pytest.mark.parametrize("name", ["resnet18", "vgg11", "googlenet_bn", "densenet_40_12_cifar"])
def test_of_whole_networks(name):
    """The last position's gradient never leaves the stated field, and reaches its edge inside the picture."""
    net = build(name, features_only=True, input_shape=(96, 96, 3))
    tail = list(net.output.values())[-1]
    model = keras.Model(net.input, tail)
    row, position = profile(model)[-1], tail.shape[1] // 2
    picture = tf.Variable(np.random.default_rng(0).uniform(0, 1, (1, 96, 96, 3)).astype("float32"))
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(model(picture, training=False)[0, position, position])
    where = np.flatnonzero(np.abs(tape.gradient(y, picture).numpy()[0]).sum((1, 2)))
    middle = row.start[0] + position * row.jump[0]
    low, high = middle - row.field[0] / 2, middle + row.field[0] / 2 - 1
    assert where[0] >= low and where[-1] <= high
    assert low <= 0 or where[0] - low <= row.jump[0]


@pytest.mark.slow
def test_the_published_figures():
    """VGG's conv5_3 sees 196 pixels and its pool5 212, ResNet-50's last map 483: Araujo et al. 2019, Distill."""
    vgg = profile(build("vgg16"))
    assert vgg["conv5_3_conv"].field == (196, 196) and vgg["pool5"].field == (212, 212)
    last = profile(build("resnet50"))["conv5_block3_out_relu"]
    assert (last.field, last.jump) == ((483, 483), (32, 32))


def test_a_gate_sees_the_whole_picture():
    image = keras.Input((16, 16, 4))
    gate = layers.Dense(4)(layers.GlobalAveragePooling2D(keepdims=True)(image))
    row = profile(keras.Model(image, layers.Multiply()([image, gate])))[-1]
    assert row.field == (np.inf, np.inf) and row.jump == (1, 1)
    assert row.to_dict()["field"] == ["all", "all"]


def test_statistics_of_the_whole_picture():
    for layer in (LocalContrastNormalization(3), layers.GroupNormalization(1)):
        assert profile(chain(layer))[-1].field == (np.inf, np.inf)


def test_the_head_sees_what_all_positions_see():
    table = profile(chain(layers.Conv2D(1, 3, strides=2), layers.Flatten(), layers.Dense(2)))
    assert table[-1].field == (41, 41)


def test_what_is_not_known_is_not_guessed():
    table = profile(chain(layers.Lambda(lambda x: x[:, ::-1]), layers.Conv2D(1, 3)))
    assert table[-1].field == table[-1].start == ()
