"""Inputs of a quantization-aware model get the ranges that inputs of other int8 files get."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cnns.tflite import export, predict, quantization_aware
from keras_cnns.tflite.aware.fake_quant import FakeQuant
from keras_cnns.tflite.aware.input_ranges import customary
from keras_cnns.tflite.file.reader import read_contents

BYTES = np.random.default_rng(0).permutation(np.arange(4 * 8 * 8 * 3) % 256).reshape(4, 8, 8, 3).astype("f4")


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ((-1.0, 1.0), (-1, 1 + 2 / 254)),
        ((-0.95, 0.93), (-1, 1 + 2 / 254)),
        ((-1.00001, 1.0), (-1, 1 + 2 / 254)),  # a moving average
        ((0.0, 250.0), (0, 255)),
        ((0.0, 0.95), (0, 1)),
        ((-1.0, 0.5), (-1, 0.5)),
        ((-2.0, 2.6), (-2, 2.6)),
        ((0.0, 1.2), (0, 1.2)),
    ],
)
def test_a_range_that_pictures_nearly_fill_is_theirs(measured, expected):
    np.testing.assert_allclose([float(end) for end in customary(*measured)], expected, rtol=1e-6)


@pytest.fixture(scope="module")
def aware():
    """A quantization-aware network for pixels from -1 to 1, trained for a step."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3), name="image")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(image))
    model = quantization_aware(keras.Model(image, layers.Dense(2)(x)), pictures=BYTES / 127.5 - 1)
    model.compile(keras.optimizers.SGD(1e-4), "mse", jit_compile=False)
    model.fit(0.9 * (BYTES / 127.5 - 1), np.zeros((4, 2)), verbose=0)  # which moves the ranges
    return model


def test_no_byte_lies_half_way_between_two_integers_of_the_file(aware, tmp_path):
    path = tmp_path / "net.tflite"
    export(aware, path, scheme="int8", images=BYTES / 127.5 - 1, force=True)
    tensor = read_contents(path).inputs["image"]
    quantized = (
        tensor if tensor.scales else read_contents(path).main.tensor(read_contents(path).main.operators[0].outputs[0])
    )
    np.testing.assert_allclose(quantized.scales, [1 / 127], rtol=1e-6)
    first, second = (predict(path, pixels.astype("f4")) for pixels in (BYTES / 127.5 - 1, (BYTES - 127.5) / 127.5))
    np.testing.assert_array_equal(first, second)


def test_the_range_of_the_file_is_that_of_the_training(aware, tmp_path):
    (layer,) = (own for own in aware.layers if isinstance(own, FakeQuant) and own.is_input)
    assert float(layer.high) < 1  # the moving average itself
    steps = np.unique(np.asarray(layer(BYTES / 127.5 - 1)))
    np.testing.assert_allclose(steps * 127, np.rint(steps * 127), atol=1e-4)
    aware.save(tmp_path / "aware.keras")
    again = keras.models.load_model(tmp_path / "aware.keras")
    np.testing.assert_array_equal(again(BYTES / 127.5 - 1), aware(BYTES / 127.5 - 1))
