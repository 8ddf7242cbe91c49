"""`build` takes the words of keras.applications, and refuses what cannot be in one line."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cnns import UserError, build, info
from keras_cnns.testing import pictures, randomize
from keras_cnns.weights.catalog import published
from keras_cnns.weights.download import locate

SMALL = {"input_shape": (32, 32, 3), "classes": 4}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classifier_activation": "sofmax"}, "'sofmax'.*Did you mean softmax"),
        ({"classifier_activation": 3}, "classifier_activation is 3"),
        ({"pooling": "average"}, "pooling is 'average'"),
        ({"pooling": ["avg"]}, "pooling is"),
        ({"input_shape": (32.5, 32, 3)}, "input_shape"),
        ({"input_shape": "32"}, "input_shape"),
        ({"input_tensor": np.zeros((1, 32, 32, 3))}, "input_tensor must be a Keras tensor"),
        ({"name": "a/b"}, "name is 'a/b'"),
        ({"alpha": 0.5}, "no column 'alpha'"),
        ({"wieghts": "imagenet"}, "no column 'wieghts'"),
        ({"classes": 10**13}, "not enough memory|cannot be built"),
    ],
)
def test_a_wrong_argument_is_one_line(arguments, message):
    with pytest.raises(UserError, match=message) as error:
        build("lenet5" if "alpha" in arguments else "mobilenet_v2", **{**SMALL, **arguments})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [None, 5, ["resnet50"], "resnet5"])
def test_a_wrong_name_is_one_line(name):
    with pytest.raises(UserError, match="there is no model"):
        build(name)


def test_the_words_of_keras_applications():
    ours = build("mobilenet_v2", alpha=0.35, name="mine", **SMALL)
    assert ours.name == "mine" and ours.count_params() == build("mobilenet_v2", width=0.35, **SMALL).count_params()
    assert build(name="lenet5").name == "lenet5"


def test_an_input_tensor_becomes_part_of_the_model():
    """What stands before it is computed as well, and the sources are the inputs."""
    alone = randomize(build("resnet18", **SMALL))
    pixels = keras.Input((32, 32, 3), name="pixels")
    model = build("resnet18", input_tensor=keras.layers.Rescaling(1 / 255)(pixels), classes=4)
    model.set_weights(alone.get_weights())
    x = pictures(2, (32, 32, 3), high=255)
    assert [tensor.name for tensor in model.inputs] == ["pixels"]
    np.testing.assert_allclose(model(x), alone(x / 255), atol=1e-5)


def test_imagenet_is_the_published_set_that_keras_has_else_torchvisions(monkeypatch):
    asked = []
    monkeypatch.setattr("keras_cnns.weights.download.fetch", lambda address, digest: asked.append(address))
    for name in ("resnet50", "resnet18"):
        locate(name, "imagenet")
    assert asked == [published("resnet50")["keras"].address, published("resnet18")["torchvision"].address]
    with pytest.raises(UserError, match="no weights of lenet5 are published"):
        locate("lenet5", "imagenet")


@pytest.mark.parametrize("name", ["lenet5", "mobilenet_v2"])
def test_channels_first_is_refused(name):
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(UserError, match="channels last"):
            build(name)
    finally:
        keras.config.set_image_data_format("channels_last")


WORDS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 40), st.floats(), st.text(max_size=5), st.lists(st.integers(0, 9))
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.dictionaries(
        st.sampled_from(
            ["classes", "pooling", "classifier_activation", "input_shape", "name", "weights", "C1", "dropout"]
        ),
        WORDS,
        max_size=3,
    )
)
def test_any_arguments_give_a_network_or_one_line(arguments):
    try:
        model = build("lenet5", **arguments)
    except UserError as error:
        assert str(error) and "\n" not in str(error)
    else:
        assert isinstance(model, keras.Model)


@pytest.mark.parametrize("word", ["alpha", "width_mult", "width"])
def test_info_takes_the_words_that_build_takes(word):
    small, full = info("mobilenet_v2", **{word: 0.35}), info("mobilenet_v2")
    assert small["columns"]["width"] == 0.35 and small["params"] < full["params"]
    assert small["params"] == build("mobilenet_v2", alpha=0.35).count_params()
    with pytest.raises(UserError, match="write classes= instead"):
        info("mobilenet_v2", num_classes=5)
