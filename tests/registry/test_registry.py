"""From a name to a model: the arguments of keras.applications with their meanings, and clear words for mistakes."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import keras_cnns
from keras_cnns import UserError, build, info, list_models
from keras_cnns.testing import pictures, randomize


def test_names_are_listed_by_pattern_oldest_paper_first():
    assert "lenet5" in list_models()
    assert [name for name in list_models("resnet*_v1_5")] == ["resnet50_v1_5", "resnet101_v1_5", "resnet152_v1_5"]
    assert list_models("no such thing") == []
    assert list_models().index("lenet5") < list_models().index("resnet18") < list_models().index("efficientnet_b0")


def test_info_says_what_the_paper_says():
    known = info("efficientnet_b3")
    assert known["year"] == 2019 and "1905.11946" in known["paper"]
    assert known["input_shape"] == (300, 300, 3) and known["task"] == "classification"
    assert known["trainable"] == 12_233_232
    assert known["macs"] == pytest.approx(1.83e9, rel=0.01)


def test_info_counts_an_overridden_network():
    peer = keras.applications.MobileNetV2(alpha=0.35, weights=None)
    assert info("mobilenet_v2", width=0.35)["params"] == peer.count_params() < info("mobilenet_v2")["params"] / 2


def test_a_column_of_the_row_can_be_overridden():
    narrow = build("mobilenet_v2", width=0.35, input_shape=(32, 32, 3), classes=10)
    peer = keras.applications.MobileNetV2(alpha=0.35, input_shape=(32, 32, 3), classes=10, weights=None)
    assert narrow.count_params() == peer.count_params()


def test_without_the_top_the_model_ends_in_the_last_level():
    assert build("resnet18", include_top=False, input_shape=(64, 96, 3)).output_shape == (None, 2, 3, 512)
    assert build("resnet18", include_top=False, input_shape=(64, 64, 3), pooling="avg").output_shape == (None, 512)


@pytest.mark.parametrize("pooling, reduce", [("avg", np.mean), ("max", np.max)])
def test_pooling_is_over_all_positions(pooling, reduce):
    model = build("mobilenet_v2", width=0.35, include_top=False, pooling=pooling, input_shape=(64, 64, 3))
    randomize(model)
    level = keras.Model(model.input, model.layers[-1].input)
    images = pictures(1, (64, 64, 3))
    np.testing.assert_allclose(model(images), reduce(level(images).numpy(), axis=(1, 2)), rtol=1e-4, atol=1e-4)


def test_features_are_named_by_their_size():
    levels = build("resnet50", features_only=True, input_shape=(96, 128, 3)).output
    assert {name: tuple(level.shape[1:3]) for name, level in levels.items()} == {
        f"C{n}": (96 >> n, 128 >> n) for n in range(1, 6)
    }


def test_any_size_goes_where_a_network_ends_in_global_pooling():
    model = build("mobilenet_v1", input_shape=(None, None, 3), classes=3)
    assert model(pictures(2, (75, 41, 3))).shape == (2, 3)


@pytest.mark.parametrize("name, expected", [("mobilenet_v2", [-1, 1]), ("lenet5", [0, 1])])
def test_preprocessing_inside_takes_pixels(name, expected):
    model = build(name, include_preprocessing=True)
    shape = model.input_shape[1:]
    inner = keras.Model(model.input, model.get_layer("rescaling").output)
    seen = inner(np.stack([np.zeros(shape, "float32"), np.full(shape, 255, "float32")])).numpy()
    assert [seen.min(), seen.max()] == pytest.approx(expected)


def test_preprocessing_of_the_authors_resnet_is_bgr_less_the_mean():
    model = build("resnet50", include_preprocessing=True, input_shape=(32, 32, 3))
    inner = keras.Model(model.input, model.get_layer("rescaling").output)
    red = np.zeros((1, 32, 32, 3), "float32")
    red[..., 0] = 255
    assert inner(red).numpy()[0, 0, 0] == pytest.approx([-103.939, -116.779, 255 - 123.68])
    assert keras.applications.resnet.preprocess_input(red.copy())[0, 0, 0] == pytest.approx(inner(red).numpy()[0, 0, 0])


@pytest.mark.slow
def test_a_saved_model_comes_back_whole(tmp_path):
    model = randomize(build("efficientnet_b0", include_preprocessing=True, input_shape=(32, 32, 3), classes=7))
    model.save(tmp_path / "model.keras")
    images = pictures(2, (32, 32, 3), high=255)
    np.testing.assert_array_equal(model(images), keras.saving.load_model(tmp_path / "model.keras")(images))


@pytest.mark.parametrize(
    "wrong, hint",
    [
        (dict(name="resnet5O"), "resnet50"),
        (dict(name="MobileNetV2"), "mobilenet_v2"),
        (dict(name="mobilenet_v2", widht=0.35), "width"),
        (dict(name="mobilenet_v2", input_shape=(16, 16, 3)), "32x32"),
        (dict(name="lenet5", input_shape=(28, 28, 1)), "32x32"),
        (dict(name="resnet18", input_shape=(224, 224)), "height, width, channels"),
        (dict(name="resnet18", input_shape="big"), "height, width, channels"),
        (dict(name="resnet18", classes=0), "classes"),
        (dict(name="resnet18", classes="ten"), "classes"),
        (dict(name="resnet18", pooling="mean"), "pooling"),
        (dict(name="resnet18", widths="wide"), "resnet18"),
        (dict(name="resnet18", preprocessing="fresh", include_preprocessing=True), "preprocessing"),
    ],
)
def test_a_mistake_gets_one_clear_line(wrong, hint):
    with pytest.raises(UserError, match=hint) as error:
        build(**wrong)
    assert "\n" not in str(error.value)


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=20))
def test_whatever_is_typed_as_a_name_gets_an_answer(name):
    if name not in list_models():
        with pytest.raises(UserError, match="there is no model"):
            info(name)


def test_the_package_says_what_it_has():
    assert {"build", "info", "list_models", "load_weights", "tflite", "training"} <= set(dir(keras_cnns))
    with pytest.raises(AttributeError, match="no attribute"):
        keras_cnns.nothing  # noqa: B018
