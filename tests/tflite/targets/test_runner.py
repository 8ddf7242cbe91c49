"""`keras_cnns.tflite.predict`, and files that are damaged: the child may die, the parent says so in one line."""

import os

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keras_cnns.support.errors import UserError
from keras_cnns.tflite import predict
from keras_cnns.tflite.file import convert


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 3), name="photo")
    model = keras.Model(image, keras.layers.Conv2D(2, 3, name="map")(image))
    path = tmp_path_factory.mktemp("runner") / "net.tflite"
    path.write_bytes(convert.to_flatbuffer(model))
    return path, model


def test_any_number_of_pictures(file):
    path, model = file
    images = np.random.default_rng(0).normal(size=(5, 6, 6, 3)).astype("f4")
    for count in (1, 5):
        np.testing.assert_allclose(predict(path, images[:count]), model(images[:count]), atol=1e-5)
    np.testing.assert_allclose(predict(path, {"photo": images}, threads=2), model(images), atol=1e-5)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 5, 6, 3)), r"takes \(N, 6, 6, 3\)"),
        ({"picture": np.zeros((2, 6, 6, 3))}, "its inputs are photo, not picture"),
    ],
)
def test_pictures_that_do_not_fit(images, message, file):
    with pytest.raises(UserError, match=message):
        predict(file[0], images)


def test_no_file(tmp_path):
    with pytest.raises(UserError, match="there is no file"):
        predict(tmp_path / "net.tflite", np.zeros((1, 6, 6, 3)))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 0.999), flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), max_size=20))
def test_a_damaged_file_is_one_clear_line_or_still_works(cut, flips, file, tmp_path):
    data = bytearray(file[0].read_bytes())
    for place, change in flips:
        data[int(place * len(data))] ^= change
    path = tmp_path / "damaged.tflite"
    path.write_bytes(bytes(data[: int(len(data) * (cut if cut < 0.9 else 1))]))
    try:
        predict(path, np.ones((1, 6, 6, 3), "f4"))
    except UserError as error:
        assert "damaged.tflite" in str(error) and "\n" not in str(error)


def test_a_name_that_is_not_in_utf8(file, tmp_path):
    """LiteRT takes names in UTF-8 only."""
    path = tmp_path / os.fsdecode(b"n\xe9t.tflite")
    path.write_bytes(file[0].read_bytes())
    pictures = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    np.testing.assert_array_equal(predict(path, pictures), predict(file[0], pictures))


def test_an_input_may_be_called_file(tmp_path):
    """NumPy's savez has an argument of that name."""
    import keras

    from keras_cnns.tflite import export, predict

    first, second = keras.Input((4,), name="file"), keras.Input((4,), name="args")
    model = keras.Model([first, second], keras.layers.Add(name="sum")([first, second]))
    path = export(model, tmp_path / "net.tflite", force=True).path
    ones = np.ones((2, 4), "float32")
    assert np.allclose(predict(path, {"file": ones, "args": 2 * ones}), 3)
