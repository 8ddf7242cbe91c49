"""Conversion: names, shapes, precisions, and operations that no phone has."""

import keras
import numpy as np
import pytest

from keras_cnns.support.errors import UserError
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


@pytest.mark.parametrize("name", ["class", "_hidden", "3rd", "größe", "my-input", "λ"])
def test_any_name_that_keras_takes_is_taken(name, tmp_path):
    """Names that TensorFlow or LiteRT cannot say are spelled otherwise in the file."""
    image = keras.Input((4, 4, 3), name=name)
    model = keras.Model(image, keras.layers.Flatten()(image))
    pictures = np.random.default_rng(0).normal(size=(3, 4, 4, 3)).astype("float32")
    assert export(model, tmp_path / "net.tflite", images=pictures).status == "pass"
    np.testing.assert_array_equal(predict(tmp_path / "net.tflite", pictures), pictures.reshape(3, -1))


def test_inputs_in_lists_within_dicts_have_names_of_their_own():
    photo, meta, more = keras.Input((4, 4, 3)), keras.Input((4,)), keras.Input((4,))
    both = keras.layers.Concatenate(name="both")([keras.layers.Flatten()(photo), meta, more])
    model = keras.Model({"photo": {"rgb": photo}, "meta": [meta, more]}, both)
    assert convert.input_names(model) == ["meta_0", "meta_1", "rgb"]
    assert signature(convert.to_flatbuffer(model))["inputs"] == ["meta_0", "meta_1", "rgb"]


def mistyped():
    pixels = keras.Input((8, 8, 3), dtype="uint8")
    return keras.Model(pixels, keras.layers.Conv2D(2, 3)(pixels))


def halved():
    layers = [keras.layers.Conv2D(4, 3, activation="glu"), keras.layers.Conv2D(2, 3)]
    return keras.Sequential([keras.Input((8, 8, 3)), *layers])


def merged(end):
    pixels = keras.Input((8, 8, 3))
    return keras.Model(pixels, end(keras.layers.Conv2D(4, 3)(pixels)))


NO_ANSWER = {
    "bytes to a convolution": (mistyped, "cannot be called: .*uint8"),
    "another shape than was declared": (halved, "cannot be called: .*incompatible with the layer"),
    "one number for all pictures": (lambda: merged(keras.ops.argmax), r"shape \(\) for 16 pictures"),
    "pictures and pixels in one axis": (lambda: merged(lambda x: keras.ops.reshape(x, (-1, 4))), r"\(576, 4\) for 16"),
}


@pytest.mark.parametrize("case", NO_ANSWER)
def test_models_that_cannot_be_called_are_one_line(case, tmp_path):
    """Keras builds them, and `predict` of theirs fails or is not what is thought."""
    make, message = NO_ANSWER[case]
    with pytest.raises(UserError, match=message) as caught:
        export(make(), tmp_path / "net.tflite")
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


def test_what_merges_pictures_shows_with_a_single_one_too(tmp_path):
    first = merged(lambda x: keras.ops.mean(x, axis=0, keepdims=True))
    with pytest.raises(UserError, match="its first axis has to be that of the pictures"):
        export(first, tmp_path / "net.tflite", images=np.linspace(0, 1, 192, dtype="float32").reshape(1, 8, 8, 3))


def test_a_fixed_batch_is_the_models_own(tmp_path):
    pixels = keras.Input(batch_shape=(4, 8, 8, 3))
    flat = keras.ops.reshape(keras.layers.Conv2D(4, 3)(pixels), (4, 144))
    model = keras.Model(pixels, keras.layers.Dense(3)(flat))
    pictures = np.random.default_rng(0).normal(size=(8, 8, 8, 3)).astype("float32")
    assert export(model, tmp_path / "net.tflite", images=pictures, batch=4).status == "pass"
    wanted = np.concatenate([model(pictures[:4]), model(pictures[4:])])
    np.testing.assert_allclose(predict(tmp_path / "net.tflite", pictures), wanted, atol=1e-5)


def test_halves_by_a_plain_cast_are_reduced_precision_too(tmp_path):
    image = keras.Input((8, 8, 3))
    scores = keras.layers.Dense(5)(keras.layers.Flatten()(image))
    model = keras.Model(image, keras.ops.cast(keras.ops.cast(keras.ops.softmax(scores), "float16"), "float32"))
    pictures = np.random.default_rng(0).normal(size=(8, 8, 8, 3)).astype("float32")
    assert export(model, tmp_path / "net.tflite", images=pictures).status == "pass"
    np.testing.assert_allclose(predict(tmp_path / "net.tflite", pictures), model(pictures), atol=1e-3)
