"""The steps of an export that read large kernels make no copies of them."""

import tracemalloc

import keras
import numpy as np
import pytest

from keras_cnns.graph.reader import read
from keras_cnns.tflite.file import flatbuffer, packing
from keras_cnns.tflite.file.convert import to_flatbuffer
from keras_cnns.tflite.file.sparse_weights import with_sparse_weights
from keras_cnns.tflite.quantize import schemes
from keras_cnns.tflite.quantize.job import Job
from keras_cnns.tflite.rewrite.prepare import prepared
from tests.tflite.file.test_packing import model_of

KERNEL = 4 * 512 * 512  # bytes of the largest one


@pytest.fixture(scope="module")
def model():
    image = keras.Input((1, 1, 512))
    hidden = keras.layers.Flatten()(keras.layers.Conv2D(512, 1)(image))
    return keras.Model(image, keras.layers.Dense(4)(hidden))


@pytest.fixture(scope="module")
def data(model):
    return to_flatbuffer(model)


def most_allocated(function, *arguments):
    """The most bytes that Python and NumPy held at once for a call."""
    tracemalloc.start()
    try:
        function(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_preparing_a_graph(model):
    assert most_allocated(prepared, read(model)) < KERNEL / 4


def test_looking_for_sparse_kernels(data):
    assert most_allocated(with_sparse_weights, data) < KERNEL / 4


def test_the_float32_file_is_not_written_again(data):
    assert schemes.make("float32", data, Job(None)) is data


def test_writing_a_kernel_in_another_order_of_axes(monkeypatch):
    monkeypatch.setattr(packing, "PART", KERNEL // 16)
    kernel = np.ones((512, 512), np.float32)
    assert most_allocated(flatbuffer.write, model_of(kernel.T)) < 1.25 * KERNEL  # the file itself
