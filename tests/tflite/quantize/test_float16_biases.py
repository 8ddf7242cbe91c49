"""A float16 file: biases in float16 as its weights are, and the answers of the file with float32 biases."""

import keras
import numpy as np
import pytest

from keras_cnns.tflite import FileSettings
from keras_cnns.tflite.file import convert
from keras_cnns.tflite.quantize import float16_biases, kernels, schemes, steps
from keras_cnns.tflite.quantize.evaluate import answers
from keras_cnns.tflite.quantize.job import Job

TYPE = steps.schema.TensorType


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3), name="image")
    x = keras.layers.Conv2D(16, 3, activation="relu")(image)
    x = keras.layers.DepthwiseConv2D(3)(x)
    x = keras.layers.Conv2DTranspose(8, 3, strides=2)(x)
    model = keras.Model(image, keras.layers.Dense(40)(keras.layers.Flatten()(x)))
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.2, w.shape) for w in model.get_weights()])
    return model


def biases(data):
    """(type of the stored tensor, type of what the operator reads) of the bias of each weighted operator."""
    file = steps.File(data)
    stored = {o.outputs[0]: o.inputs[0] for o in file.operators if file.kind(o) == steps.KIND.DEQUANTIZE}
    read = [o.inputs[kernels.PLACES[file.kind(o)][2]] for o in file.operators if file.kind(o) in kernels.PLACES]
    return [(file.tensors[stored.get(i, i)].type, file.tensors[i].type) for i in read]


def test_every_bias_is_stored_in_float16(model):
    data = schemes.make("float16", convert.to_flatbuffer(model, 1), Job(settings=FileSettings()))
    assert biases(data) == [(TYPE.FLOAT16, TYPE.FLOAT32)] * 4


def test_the_answers_are_those_of_float32_to_three_digits(model):
    plain = convert.to_flatbuffer(model, 1)
    data = schemes.make("float16", plain, Job())
    pictures = [{"image": p[None]} for p in np.random.default_rng(1).normal(0, 1, (4, 12, 12, 3)).astype("float32")]
    (expected,), _ = answers(plain, pictures)
    (actual,), _ = answers(data, pictures)
    assert 10 * np.log10(np.sum(expected**2) / np.sum((expected - actual) ** 2)) > 60


def test_a_bias_beyond_float16_stays_as_it_is(model):
    model.layers[1].bias.assign([1e5] + [0.5] * 15)
    data = float16_biases.added(convert.to_flatbuffer(model, 1))
    assert biases(data) == [(TYPE.FLOAT32, TYPE.FLOAT32), *[(TYPE.FLOAT16, TYPE.FLOAT32)] * 3]
