"""The arguments of `build`: those of keras.applications work, another library's get a hint, a wrong one gets a line."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import keras_cnns
from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures, randomize
from keras_cnns.weights.load import network_of

SMALL = {"input_shape": (32, 32, 3), "classes": 5}


def refused(match, name="lenet5", **arguments):
    with pytest.raises(UserError, match=match) as error:
        keras_cnns.build(name, **arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("activation", ["sofmax", 3, object(), ["softmax"], "", b"softmax"])
def test_an_activation_that_keras_does_not_know(activation):
    refused("classifier_activation", classifier_activation=activation)


@pytest.mark.parametrize("activation", ["softmax", None, "sigmoid", keras.activations.softmax, keras.ops.softmax])
def test_an_activation_that_keras_knows(activation):
    assert keras_cnns.build("lenet5", classifier_activation=activation).output_shape == (None, 10)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"num_classes": 5}, "classes="),
        ({"pretrained": True}, 'weights="imagenet"'),
        ({"in_chans": 1}, "input_shape="),
        ({"checkpoint_path": "x"}, "weights=FILE"),
        ({"depht": 2}, "no column"),
    ],
)
def test_a_word_of_another_library_gets_the_word_of_this_one(arguments, hint):
    refused(hint, "efficientnet_b0", **arguments)


@pytest.mark.parametrize("word", ["alpha", "width_mult", "width"])
def test_alpha_is_the_width(word):
    model = keras_cnns.build("mobilenet_v2", **{word: 0.35}, **SMALL)
    assert model.count_params() == keras_cnns.build("mobilenet_v2", width=0.35, **SMALL).count_params()


@pytest.mark.parametrize("weights", [True, 3, b"imagnet", "imagnet", "IMAGENET1K_V1", "", "nul\0", ["imagenet"], {}])
def test_words_that_are_no_weights(weights):
    refused("weights|file", "resnet18", weights=weights)


def test_imagenet_means_the_first_that_publishes(monkeypatch):
    from keras_cnns.weights import download

    asked = []
    monkeypatch.setattr(download, "fetch", lambda address, digest=None: asked.append(address))
    for name in ("resnet50", "resnet18", "efficientnet_lite0"):
        download.locate(name, "imagenet")
    assert ["keras-applications" in asked[0], "pytorch.org" in asked[1], "timm" in asked[2]] == [True] * 3
    with pytest.raises(UserError, match="no weights of lenet5"):
        download.locate("lenet5", "imagenet")


def test_a_name_of_ones_own():
    model = keras_cnns.build("lenet5", name="mine")
    assert model.name == "mine"
    assert keras_cnns.build(name="lenet5").name == "lenet5"
    with pytest.raises(UserError, match="name is"):
        keras_cnns.build("lenet5", name="a/b")


@pytest.mark.slow
@pytest.mark.parametrize("rename", ["argument", "wrapped", "after saving"])
def test_a_renamed_model_finds_its_tables(rename, tmp_path):
    peer = randomize(keras.applications.MobileNetV2(weights=None, **SMALL))
    peer.save_weights(tmp_path / "peer.weights.h5")
    model = keras_cnns.build("mobilenet_v2", name="mine", **SMALL)
    if rename == "wrapped":
        model = keras.Model(model.input, model.output, name="wrapped")
    if rename == "after saving":
        model.save(tmp_path / "x.keras")
        model = keras.saving.load_model(tmp_path / "x.keras")
    keras_cnns.load_weights(model, tmp_path / "peer.weights.h5")
    x = pictures(2, (32, 32, 3))
    np.testing.assert_allclose(model(x, training=False), peer(x, training=False), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet50", "resnet50_v1_5"])
def test_networks_that_differ_in_strides_alone_are_distinguished_after_saving(name):
    model = keras_cnns.build(name, **SMALL)
    renamed = keras.Model.from_config(model.get_config() | {"name": "mine"})
    assert network_of(renamed) == name


@pytest.mark.slow
def test_a_tensor_as_input(tmp_path):
    plain = randomize(keras_cnns.build("mobilenet_v2", **SMALL))
    plain.save(tmp_path / "x.keras")
    image = keras.Input((32, 32, 3))
    on_input = keras_cnns.build("mobilenet_v2", input_tensor=image, weights=tmp_path / "x.keras", classes=5)
    x = pictures(2, (32, 32, 3))
    np.testing.assert_array_equal(on_input(x, training=False), plain(x, training=False))
    assert on_input.inputs[0] is image
    grey = keras.Input((32, 32, 1))
    coloured = keras.layers.Conv2D(3, 1, name="mine")(grey)
    behind = keras_cnns.build("mobilenet_v2", input_tensor=coloured, weights=tmp_path / "x.keras", classes=5)
    assert behind.input_shape == (None, 32, 32, 1)
    before = keras.Model(grey, coloured)
    expected = plain(before(x[..., :1]), training=False)
    np.testing.assert_allclose(behind(x[..., :1], training=False), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("tensor", [np.zeros((1, 32, 32, 3)), "image", keras.Input((32,)), 3])
def test_what_is_no_input_tensor(tensor):
    refused("input_tensor", input_tensor=tensor)


@pytest.mark.parametrize(
    "arguments",
    [
        {"numerics": "torch"},
        {"dropout": "much"},
        {"dropout": 7},
        {"preprocessing": ["tf"]},
        {"initializer": "he_norml"},
        {"activation": "swsh"},
        {"classes": 2**62},
        {"include_top": False, "pooling": "mean"},
    ],
)
def test_a_wrong_argument_is_one_line(arguments):
    refused(".", "vgg11", **arguments)


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 40), st.floats(), st.text(max_size=4), st.binary(max_size=3),
    st.lists(st.integers(-2, 64), max_size=4), st.tuples(st.integers(0, 64), st.integers(0, 64), st.integers(0, 4)),
)  # fmt: skip
WORDS = ("weights", "include_top", "input_tensor", "input_shape", "classes", "pooling", "classifier_activation")
WORDS += (
    "include_preprocessing",
    "features_only",
    "name",
    "preprocessing",
    "numerics",
    "dropout",
    "alpha",
    "activation",
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.sampled_from(["lenet5", "squeezenet1_1", "simple_cnn"]), st.dictionaries(st.sampled_from(WORDS), ANYTHING))
def test_any_arguments_build_a_model_or_end_in_one_line(name, arguments):
    try:
        model = keras_cnns.build(name, **arguments)
    except UserError as error:
        assert str(error).strip()
        assert "\n" not in str(error)
    else:
        assert model.inputs
    finally:
        keras.backend.clear_session()
