"""`build` takes the place of keras.applications: the checks of its own test suite, for every one of its networks."""

import types

import keras
import numpy as np
import pytest

from keras_cnns import build
from keras_cnns.blocks.preprocessing import PREPROCESSING
from keras_cnns.registry.registry import counts, entry
from keras_cnns.testing import randomize
from keras_cnns.weights.catalog import published
from keras_cnns.weights.download import locate
from keras_cnns.weights.renaming import peers

NAMES = {theirs: ours for ours, theirs in peers("keras").items() if "(" not in theirs}  # options are for others
CHANNELS = {  # of the last level, as keras.applications' test lists them
    **{"VGG16": 512, "VGG19": 512, "Xception": 2048, "InceptionV3": 2048, "InceptionResNetV2": 1536},
    **{"MobileNet": 1024, "MobileNetV2": 1280, "MobileNetV3Small": 576, "MobileNetV3Large": 960},
    **dict(zip((f"EfficientNetB{i}" for i in range(8)), (1280, 1280, 1408, 1536, 1792, 2048, 2304, 2560), strict=True)),
    **dict(zip((f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3")), (1280, 1280, 1408, 1536), strict=True)),
    **{f"EfficientNetV2{size}": 1280 for size in "SML"},
    **{"DenseNet121": 1024, "DenseNet169": 1664, "DenseNet201": 1920},
    **{"ConvNeXtTiny": 768, "ConvNeXtSmall": 768, "ConvNeXtBase": 1024, "ConvNeXtLarge": 1536, "ConvNeXtXLarge": 2048},
    **{"NASNetMobile": 1056, "NASNetLarge": 4032},
    **{f"ResNet{depth}{version}": 2048 for version in ("", "V2") for depth in (50, 101, 152)},
}
QUICK = {"MobileNet"}
EACH = [
    pytest.param(NAMES.get(theirs, theirs), channels, id=theirs, marks=[] if theirs in QUICK else [pytest.mark.slow])
    for theirs, channels in CHANNELS.items()
]
each_network = pytest.mark.parametrize(("name", "channels"), EACH)


def module(theirs):
    """The module of keras.applications that `theirs` is in."""
    if theirs.startswith("MobileNetV3"):
        return keras.applications.mobilenet_v3
    modules = [m for m in vars(keras.applications).values() if isinstance(m, types.ModuleType)]
    return next(m for m in modules if hasattr(m, theirs) and hasattr(m, "preprocess_input"))


def test_every_network_of_keras_applications_is_here():
    theirs = {name for name, value in vars(keras.applications).items() if isinstance(value, types.FunctionType)}
    assert theirs == set(NAMES) == set(CHANNELS)


@pytest.mark.parametrize("theirs", CHANNELS)
def test_imagenet_weights_are_those_that_keras_publishes(theirs, monkeypatch):
    asked = []
    monkeypatch.setattr("keras_cnns.weights.download.fetch", lambda address, digest: asked.append(address))
    locate(NAMES[theirs], "imagenet")
    assert asked == [published(NAMES[theirs])["keras"].address]


@pytest.mark.parametrize("theirs", CHANNELS)
def test_preprocessing_is_that_of_preprocess_input(theirs):
    """Where preprocess_input does nothing, the network of keras.applications has layers for it."""
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 4, 4, 3)).astype("float32")
    expected = module(theirs).preprocess_input(pixels.copy())
    named = entry(NAMES[theirs]).variant.preprocessing
    actual = (PREPROCESSING[named] if isinstance(named, str) else named)(pixels)
    inside = np.array_equal(expected, pixels)
    assert inside == theirs.startswith(("EfficientNet", "ConvNeXt", "MobileNetV3"))
    if not inside:
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4)


@each_network
@pytest.mark.parametrize("count", [1, 4])
def test_without_the_top_input_channels_and_size_are_free(name, channels, count):
    model = build(name, include_top=False, input_shape=(None, None, count))
    assert model.outputs[0].shape == (None, None, None, channels)


@each_network
def test_without_the_top_the_size_may_be_odd(name, channels):
    assert build(name, include_top=False, input_shape=(123, 123, 3)).outputs[0].shape[-1] == channels


@each_network
def test_an_input_tensor_may_come_from_other_layers(name, channels):
    pixels = keras.Input((200, 200, 4), name="custom_input")
    inputs = keras.layers.Conv2D(3, 2, 2)(pixels)
    model = build(name, include_top=False, input_tensor=inputs)
    assert model.outputs[0].shape[-1] == channels and model.input.name == "custom_input"


@each_network
def test_pooling_gives_a_vector(name, channels):
    assert build(name, include_top=False, pooling="max").outputs[0].shape == (None, channels)


@each_network
def test_with_the_top(name, channels):
    """Default arguments, the classifier's activation, the parameters, and the model from its configuration."""
    model = build(name)
    shape = entry(name).variant.input_shape
    assert model.input_shape == (None, *shape) and model.output_shape == (None, 1000)
    assert model.layers[-1].activation.__name__ == "softmax"
    assert model.count_params() == counts()[name]["params"]
    config = keras.saving.serialize_keras_object(model)
    assert len(keras.saving.deserialize_keras_object(config).weights) == len(model.weights)


@pytest.mark.slow
@each_network
def test_classes_and_weights(name, channels, tmp_path):
    """Weights are those of a file, or random without one."""
    side = max(75, entry(name).variant.min_size)
    options = {"input_shape": (side, side, 3), "classes": 3}
    model = randomize(build(name, weights=None, **options))
    model.save_weights(tmp_path / "model.weights.h5")
    again = build(name, weights=tmp_path / "model.weights.h5", **options)
    assert again.output_shape == (None, 3)
    for expected, actual in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(expected, actual)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 64), (65, 47), (50, 81)])
def test_nasnet_of_open_size_is_that_of_the_size(size):
    """keras.applications pads as for even sizes where the size is open."""
    fixed = randomize(build("nasnet_mobile", include_top=False, input_shape=(*size, 3)))
    open_size = build("nasnet_mobile", include_top=False, input_shape=(None, None, 3))
    open_size.set_weights(fixed.get_weights())
    images = np.random.default_rng(0).uniform(-1, 1, (1, *size, 3)).astype("float32")
    np.testing.assert_allclose(open_size(images), fixed(images), rtol=1e-5, atol=1e-5)
