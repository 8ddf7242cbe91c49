"""Conversion: names, shapes, precisions, and operations that no phone has."""

import keras
import numpy as np
import pytest

from keras_cnns.errors import UserError
from keras_cnns.tflite import export, predict
from keras_cnns.tflite.file import convert


def signature(data):
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_content=data).get_signature_list()["serving_default"]


def test_the_signature_keeps_names():
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right:eye")
    both = keras.layers.Add(name="both")([left, right])
    model = keras.Model([left, right], {"sum": both, "half": keras.layers.Dense(2, name="d")(both)})
    assert signature(convert.to_flatbuffer(model)) == {"inputs": ["left", "right_eye"], "outputs": ["half", "sum"]}
    model = keras.Model([left, right], [both, keras.layers.Dense(2, name="d")(both)])
    assert signature(convert.to_flatbuffer(model)) == {"inputs": ["left", "right_eye"], "outputs": ["both", "d"]}


def test_a_nameless_input_becomes_image():
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, name="scores")])
    assert signature(convert.to_flatbuffer(model)) == {"inputs": ["image"], "outputs": ["scores"]}


def test_constants_of_a_layer_are_no_inputs():
    image = keras.Input((4, 4, 3), name="image")
    scaled = keras.layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])(image)
    model = keras.Model(image, keras.layers.Conv2D(2, 1, name="scores")(scaled))
    assert signature(convert.to_flatbuffer(model)) == {"inputs": ["image"], "outputs": ["scores"]}


def test_an_open_size_is_refused():
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.GlobalAveragePooling2D()])
    with pytest.raises(UserError, match="fixed input_shape"):
        convert.to_flatbuffer(model)


def test_mixed_precision_is_exported_in_float32(tmp_path):
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = keras.Sequential(
            [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(5)]
        )
    finally:
        keras.config.set_dtype_policy("float32")
    export(model, tmp_path / "net.tflite")
    pictures = np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(predict(tmp_path / "net.tflite", pictures), model(pictures), atol=1e-2)


def test_an_operation_that_needs_flex_is_named_with_its_layer(tmp_path):
    @keras.saving.register_keras_serializable("test")
    class Determinant(keras.layers.Layer):
        def call(self, x):
            return keras.ops.det(x)

    image = keras.Input((4, 4))
    model = keras.Model(image, Determinant(name="the_determinant")(image))
    with pytest.raises(UserError, match="MatrixDeterminant.*the_determinant") as caught:
        export(model, tmp_path / "net.tflite")
    assert "\n" not in str(caught.value)
