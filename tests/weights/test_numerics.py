"""A file of our own is built again with the numerics it was saved with."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import keras_cnns
from keras_cnns.blocks.conv import KERAS
from keras_cnns.registry.registry import entry
from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures, randomize
from keras_cnns.weights import numerics, renaming
from keras_cnns.weights.formats.readers import read

SHAPE = (64, 80, 3)
SMALL = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small")
LARGE = (
    "efficientnet_b0",
    "densenet121",
    "inception_v3",
    "inception_resnet_v2",
    "xception",
    "efficientnet_b5",
)  # their own files again take a while
FAMILIES = [*SMALL, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("file", ["model.keras", "model.weights.h5"])
@pytest.mark.parametrize("peer", ["keras", "torchvision", "timm"])
def test_the_same_answers_at_an_odd_size(peer, file, tmp_path):
    columns = renaming.columns("mobilenet_v2", peer)
    options = {"input_shape": SHAPE, "classes": 7, "classifier_activation": None}
    saved = randomize(keras_cnns.build("mobilenet_v2", **options, **columns))
    saved.save(tmp_path / file) if file.endswith(".keras") else saved.save_weights(tmp_path / file)
    again = keras_cnns.build("mobilenet_v2", **options, weights=tmp_path / file)
    images = pictures(2, SHAPE)
    np.testing.assert_array_equal(*(keras.ops.convert_to_numpy(m(images, training=False)) for m in (saved, again)))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("peer", ["keras", "torchvision", "timm"])
def test_the_file_shows_whose_numerics_it_has(name, peer, tmp_path):
    """From a `.keras` file everything, from one of weights alone what can be distinguished without the epsilons."""
    if not renaming.peer(name, peer):
        pytest.skip(f"{peer} has no {name}")
    net, columns = entry(name).variant, renaming.columns(name, peer)
    model = keras_cnns.build(name, input_shape=(96, 96, 3), include_top=False, **columns)
    model.save(tmp_path / "x.keras")
    model.save_weights(tmp_path / "x.weights.h5")
    expected = replace(net, **columns).numerics
    actual = numerics.columns(name, net, read(tmp_path / "x.keras"), "x.keras")
    assert without_head(replace(net, **actual).numerics) == without_head(expected)
    try:
        actual = numerics.columns(name, net, read(tmp_path / "x.weights.h5"), "x.weights.h5")
    except UserError as error:
        assert "does not show which" in str(error)
    else:
        shown = replace(net, **actual).numerics
        assert (shown.padding, shown.gain) == (expected.padding, expected.gain)


def without_head(numerics):
    """Numerics without what acts in the head alone, or in average pooling with a stride of 1."""
    return replace(numerics, adaptive=False, count_padding=False)


@pytest.mark.slow
def test_the_preprocessing_of_a_model_that_has_it(tmp_path):
    """VGG-16 is built alike for Keras's weights and for torch's: only their preprocessing differs."""
    options = {"input_shape": SHAPE, "include_preprocessing": True, "include_top": False}
    for preprocessing in ("caffe", "torch"):
        saved = keras_cnns.build("vgg16", **options, preprocessing=preprocessing)
        saved.save(tmp_path / "x.keras")
        again = keras_cnns.build("vgg16", **options, weights=tmp_path / "x.keras")
        ours, theirs = (m.get_layer("rescaling").get_config() for m in (saved, again))
        assert (ours["scale"], ours["offset"]) == (theirs["scale"], theirs["offset"])


@pytest.mark.slow
def test_a_dense_layer_over_any_size(tmp_path):
    """With torch's numerics VGG pools to 7x7, so that its file holds fc6 of that size at every size of picture."""
    options = {"input_shape": SHAPE, "classes": 3}
    keras_cnns.build("vgg16", **options, **renaming.columns("vgg16", "torchvision")).save_weights(
        tmp_path / "x.weights.h5"
    )
    assert keras_cnns.build("vgg16", **options, weights=tmp_path / "x.weights.h5").get_layer("adaptive_pool")


@pytest.mark.slow
def test_weights_alone_may_show_too_little(tmp_path):
    columns = renaming.columns("mobilenet_v3_small", "torchvision")
    model = keras_cnns.build("mobilenet_v3_small", input_shape=SHAPE, **columns)
    model.save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(UserError, match="does not show which of 2 numerics"):
        keras_cnns.build("mobilenet_v3_small", input_shape=SHAPE, weights=tmp_path / "x.weights.h5")
    again = keras_cnns.build("mobilenet_v3_small", input_shape=SHAPE, weights=tmp_path / "x.weights.h5", **columns)
    np.testing.assert_array_equal(again.get_layer("stem_conv").kernel, model.get_layer("stem_conv").kernel)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("saved_with", ["keras", "timm"])
@pytest.mark.parametrize("loaded_into", ["keras", "timm"])
def test_a_model_built_otherwise_is_loaded_with_a_warning(saved_with, loaded_into, tmp_path, recwarn):
    there, here = (
        keras_cnns.build("mobilenet_v2", input_shape=SHAPE, **renaming.columns("mobilenet_v2", origin))
        for origin in (saved_with, loaded_into)
    )
    there.save(tmp_path / "x.keras")
    keras_cnns.load_weights(here, tmp_path / "x.keras")
    warned = [str(w.message) for w in recwarn if "other numerics" in str(w.message)]
    assert len(warned) == (saved_with != loaded_into)


@pytest.mark.slow
def test_what_the_caller_says_wins(tmp_path):
    keras_cnns.build("mobilenet_v2", input_shape=SHAPE, **renaming.columns("mobilenet_v2", "timm")).save(
        tmp_path / "x.keras"
    )
    model = keras_cnns.build("mobilenet_v2", input_shape=SHAPE, weights=tmp_path / "x.keras", numerics=KERAS)
    assert model.get_layer("stem_bn").epsilon == KERAS.epsilon
