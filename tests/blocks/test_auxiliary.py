"""Auxiliary classifiers: more outputs while training, the paper's weights, gone at inference."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_cnns import UserError, build, info
from keras_cnns.blocks.auxiliary import auxiliary_v3, without_auxiliary
from keras_cnns.blocks.conv import KERAS, ConvUnit
from keras_cnns.testing import pictures, randomize

V3 = pytest.param("inception_v3", 2, marks=pytest.mark.slow)
SIZES = {"googlenet": 96, "googlenet_bn": 64, "inception_v3": 299}


@pytest.mark.parametrize(("name", "trainable"), [("googlenet", 13_378_280), ("googlenet_bn", 13_004_888)])
def test_weighs_what_was_published(name, trainable):
    assert info(name, auxiliary=True)["trainable"] == trainable


@pytest.mark.slow
def test_inception_v3_weighs_what_torchvisions_does():
    """With the gains that Keras's own lacks."""
    assert info("inception_v3", auxiliary=True, numerics=KERAS)["trainable"] == 27_161_264


@pytest.mark.parametrize(
    ("name", "outputs"), [pytest.param("googlenet", 3, marks=pytest.mark.slow), ("googlenet_bn", 3), V3]
)
def test_more_outputs_the_answer_first(name, outputs):
    shape = (SIZES[name], SIZES[name], 3)
    model = randomize(build(name, auxiliary=True, input_shape=shape, classes=7, classifier_activation=None))
    assert [tuple(output.shape) for output in model.outputs] == [(None, 7)] * outputs
    images = pictures(1, shape)
    alone = without_auxiliary(model)
    np.testing.assert_array_equal(alone(images, training=False), model(images, training=False)[0])
    plain = build(name, input_shape=shape, classes=7, classifier_activation=None)
    assert [v.path for v in alone.weights] == [v.path for v in plain.weights]


@pytest.mark.parametrize(("side", "kernel"), [(17, 5), (8, 2), (6, 1)])
def test_inception_v3s_kernel_is_no_larger_than_what_is_left(side, kernel):
    image = keras.Input((side, side, 4))
    scores = auxiliary_v3(image, unit=ConvUnit(KERAS), classes=3, activation=None, name="aux")
    kernels = [v.shape for v in keras.Model(image, scores).weights if v.path.endswith("kernel")]
    assert kernels == [(1, 1, 4, 128), (kernel, kernel, 128, 768), (768, 3)]


@pytest.mark.parametrize(("policy", "expected"), [("mixed_float16", "float32"), ("float64", "float64")])
def test_scores_are_float32_at_least(policy, expected):
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy(policy)
        model = build("lenet5")
    finally:
        keras.config.set_dtype_policy(before)
    assert model.output.dtype == expected


@pytest.mark.slow
def test_their_loss_reaches_the_stem():
    model = build("googlenet_bn", auxiliary=True, input_shape=(64, 64, 3), classes=3)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(pictures(2, (64, 64, 3)))[1][:, 0])
    kernels = [model.get_layer(name).kernel for name in ("conv1_conv", "aux1_conv")]
    later = model.get_layer("inception5b_1x1_conv").kernel
    *reached, beyond = tape.gradient(loss, [k.value for k in (*kernels, later)])
    assert all(np.abs(g).max() > 0 for g in reached) and beyond is None


def test_a_picture_too_small_for_them_is_refused():
    with pytest.raises(UserError, match="googlenet cannot be built with auxiliary True"):
        build("googlenet", auxiliary=True, input_shape=(40, 40, 3))


@pytest.mark.slow
def test_a_file_with_them_fits_a_model_without(tmp_path):
    shape = (64, 64, 3)
    trained = randomize(build("googlenet_bn", auxiliary=True, input_shape=shape, classes=3))
    trained.save(tmp_path / "trained.keras")
    images = pictures(1, shape)
    alone = build("googlenet_bn", weights=tmp_path / "trained.keras", input_shape=shape, classes=3)
    np.testing.assert_array_equal(alone(images, training=False), trained(images, training=False)[0])
