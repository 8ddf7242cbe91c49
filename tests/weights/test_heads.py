"""Files without a classifier, or with another head on top: the backbone is loaded and a new classifier begins."""

import keras
import numpy as np
import pytest

import keras_cnns
from keras_cnns.support.errors import UserError
from keras_cnns.testing import pictures, randomize

SHAPE = (64, 64, 3)


def base():
    return randomize(keras.applications.MobileNetV2(weights=None, include_top=False, pooling="avg", input_shape=SHAPE))


def functional(below):
    x = keras.layers.Dense(8, name="hidden")(below.output)
    return keras.Model(below.input, keras.layers.Dense(5, name="predictions")(x))


HEADS = {
    "none": lambda below: below,
    "functional": functional,
    "sequential": lambda below: keras.Sequential([keras.Input(SHAPE), below, keras.layers.Dense(5)]),
    "nested": lambda below: keras.Model(
        image := keras.Input(SHAPE), keras.layers.Dense(5)(keras.layers.Dropout(0.2)(below(image)))
    ),
    "two layers and a norm": lambda below: keras.Sequential(
        [below, keras.layers.Dense(8), keras.layers.BatchNormalization(), keras.layers.Dense(5)]
    ),
}


QUICK = {("none", "x.weights.h5"), ("functional", "x.keras"), ("nested", "x.h5")}


@pytest.mark.parametrize(
    ("head", "file"),
    [
        pytest.param(head, file, marks=[] if (head, file) in QUICK else [pytest.mark.slow])
        for head in HEADS
        for file in ("x.keras", "x.weights.h5", "x.h5")
    ],
)
def test_the_backbone_of_the_file_and_a_new_classifier(head, file, tmp_path):
    below = base()
    model = HEADS[head](below)
    model.save_weights(tmp_path / file) if "weights" in file else model.save(tmp_path / file)
    with pytest.warns(UserWarning, match="predictions starts anew"):
        ours = keras_cnns.build("mobilenet_v2", weights=tmp_path / file, input_shape=SHAPE, classes=7)
    x = pictures(2, SHAPE)
    features = keras.Model(ours.input, ours.get_layer("predictions").input)
    np.testing.assert_allclose(features(x, training=False), below(x, training=False), rtol=0, atol=1e-5)


def test_convolutions_on_top_are_another_network(tmp_path):
    below = base()
    x = keras.layers.Reshape((1, 1, 1280))(below.output)
    keras.Model(below.input, keras.layers.Conv2D(5, 1, name="maps")(x)).save(tmp_path / "x.keras")
    with pytest.raises(UserError, match="left over"):
        keras_cnns.build("mobilenet_v2", weights=tmp_path / "x.keras", input_shape=SHAPE)


def test_a_backbone_that_is_not_whole_is_refused(tmp_path):
    model = keras_cnns.build("mobilenet_v2", include_top=False, input_shape=SHAPE)
    keras.Model(model.input, model.get_layer("stage4_block1_project_bn").output).save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(UserError, match="missing"):
        keras_cnns.build("mobilenet_v2", weights=tmp_path / "x.weights.h5", input_shape=SHAPE)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", "git-lfs"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\x1f\x8b\x08\x00", "gunzip"),
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n <html>", "web page"),
        (b'{"error": "Repository not found"}', "JSON"),
        (b"\x20\x00\x00\x00TFL3" + bytes(40), "tflite"),
    ],
)
def test_files_that_lie_around_and_are_no_weights(content, what, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(UserError, match=what) as error:
        keras_cnns.build("lenet5", weights=tmp_path / "model.safetensors")
    assert "damaged" not in str(error.value)
    with pytest.raises(UserError, match=what):
        keras_cnns.build("lenet5", weights=tmp_path)


def test_a_folder_of_something_else(tmp_path):
    with pytest.raises(UserError, match="is a folder with none of"):
        keras_cnns.build("lenet5", weights=tmp_path)


def test_a_saved_model_of_tensorflow(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    with pytest.raises(UserError, match="is a SavedModel"):
        keras_cnns.build("lenet5", weights=tmp_path)
    with pytest.raises(UserError, match="part of a TensorFlow checkpoint"):
        keras_cnns.build("lenet5", weights=tmp_path / "saved_model.pb")


def test_a_network_with_depthwise_kernels_and_a_file_without_a_classifier(tmp_path):
    base = randomize(keras_cnns.build("mobilenet_v3_small", input_shape=SHAPE, include_top=False))
    base.save_weights(tmp_path / "base.weights.h5")
    with pytest.warns(UserWarning, match="no classifier"):
        model = keras_cnns.build("mobilenet_v3_small", input_shape=SHAPE, weights=tmp_path / "base.weights.h5")
    for weight in model.weights:
        assert np.isfinite(np.asarray(weight)).all(), weight.path
