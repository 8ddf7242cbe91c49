"""The converter sees one number in place of a large kernel, and the file holds the kernel all the same."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from keras_cnns.tflite.file import convert, flatbuffer
from keras_cnns.tflite.file.stand_ins import stand_ins

SHAPE = (9, 11, 64)


class Tied(layers.Layer):
    """Goes back through the kernel of a dense layer that the model uses as well."""

    def __init__(self, dense, **options):
        super().__init__(**options)
        self.dense = dense

    def call(self, x):
        return keras.ops.matmul(x, keras.ops.transpose(self.dense.kernel))


def with_random_weights(model):
    random = np.random.default_rng(5)
    for variable in model.weights:
        variable.assign(random.normal(0.1, 0.2, variable.shape))
    return model


def of_layers(*sequence):
    return with_random_weights(keras.Sequential([keras.Input(SHAPE), *sequence]))


def one_layer_called_twice():
    image, convolution = keras.Input(SHAPE), layers.Conv2D(64, 3, padding="same")
    return with_random_weights(keras.Model(image, convolution(convolution(image))))


MODELS = {
    "a convolution": lambda: of_layers(layers.Conv2D(64, 3, strides=2, padding="same", activation="relu")),
    "a dilated convolution": lambda: of_layers(layers.Conv2D(64, (1, 3), dilation_rate=2)),
    "a grouped convolution": lambda: of_layers(layers.Conv2D(128, 3, groups=4)),
    "depthwise": lambda: of_layers(layers.DepthwiseConv2D((5, 7), depth_multiplier=2)),
    "dense, as many units as inputs": lambda: of_layers(layers.GlobalAveragePooling2D(), layers.Dense(64)),
    "dense over the last axis": lambda: of_layers(layers.Dense(80, use_bias=False)),
    "one layer called twice": one_layer_called_twice,
}


def tensors(data):
    model = flatbuffer.read(data)
    held = ["" if buffer.data is None else bytes(buffer.data).hex() for buffer in model.buffers]
    return [(tensor.name, tuple(tensor.shape), held[tensor.buffer]) for tensor in model.subgraphs[0].tensors]


def answer(data, image):
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("kind", MODELS)
def test_the_file_is_the_one_made_without_stand_ins(kind, monkeypatch):
    model = MODELS[kind]()
    assert len(stand_ins(model)) == 1
    conversions = []
    converted = convert._converted
    monkeypatch.setattr(convert, "_converted", lambda *args: conversions.append(args) or converted(*args))
    data = convert.to_flatbuffer(model)
    assert len(conversions) == 1  # the kernel was found again
    monkeypatch.setattr(convert, "stand_ins", lambda model: [])
    assert tensors(data) == tensors(convert.to_flatbuffer(model))


def test_a_kernel_that_the_converter_computes_with_is_converted_itself():
    model = of_layers(layers.Conv2D(64, 1, use_bias=False), layers.Rescaling(np.linspace(1, 2, 64).tolist()))
    image = np.random.default_rng(0).random((1, *SHAPE), np.float32)
    assert len(stand_ins(model)) == 1
    np.testing.assert_allclose(answer(convert.to_flatbuffer(model), image), model(image), rtol=1e-4, atol=1e-5)


def test_a_kernel_that_another_layer_reads_has_no_stand_in():
    image, dense = keras.Input(SHAPE), layers.Dense(64, use_bias=False)
    model = with_random_weights(keras.Model(image, Tied(dense)(dense(image))))
    assert stand_ins(model) == []
    image = np.random.default_rng(0).random((1, *SHAPE), np.float32)
    np.testing.assert_allclose(answer(convert.to_flatbuffer(model), image), model(image), rtol=1e-4, atol=1e-4)
