"""For OpenVINO every FULLY_CONNECTED of an int8 file has a bias: without one it answers wrongly with one thread."""

import keras
import numpy as np
import pytest

from keras_cnns.tflite import Tuning, export
from keras_cnns.tflite.check.check import check
from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.file.biases import with_biases
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.targets.table import TARGETS
from tests.tflite.targets.test_installed_tools import needs


@pytest.fixture
def path(tmp_path):
    """An int8 file of two dense layers without a bias."""
    keras.utils.set_random_seed(0)
    image = keras.Input((4, 4, 3))
    x = keras.layers.Dense(8, use_bias=False, activation="tanh")(keras.layers.Flatten()(image))
    model = keras.Model(image, keras.layers.Dense(3, use_bias=False)(x))
    pictures = np.random.default_rng(0).uniform(0, 1, (16, 4, 4, 3)).astype("f4")
    path = tmp_path / "net.tflite"
    export(model, path, scheme="int8", calibration=pictures, tuning=Tuning.plain(), force=True)
    return path


def test_each_bias_is_the_smallest_step_of_one_channel(path):
    assert [finding.code for finding in TARGETS["openvino"].findings(read_contents(path))] == ["missing-bias"]
    path.write_bytes(with_biases(path.read_bytes()))
    file = read_contents(path)
    assert not TARGETS["openvino"].findings(file)
    dense = [operator for operator in file.main.operators if operator.name == "FULLY_CONNECTED"]
    for operator, channels in zip(dense, (8, 3), strict=True):
        source, weights, bias = (file.main.tensors[i] for i in operator.inputs)
        values = file.values(bias)
        assert values.shape == (channels,) and values.sum() == values.max() == 1
        assert weights.scales[values.argmax()] == min(weights.scales)
        np.testing.assert_allclose(bias.scales, source.scales[0] * np.asarray(weights.scales), rtol=1e-6)
    assert with_biases(path.read_bytes()) == path.read_bytes()


def test_a_bias_of_zeros_is_replaced(path):
    model = flatbuffer.read(with_biases(path.read_bytes()))
    tensor = model.subgraphs[0].tensors[-1]
    model.buffers[tensor.buffer].data = np.zeros_like(model.buffers[tensor.buffer].data)
    path.write_bytes(with_biases(flatbuffer.write(model)))
    assert not TARGETS["openvino"].findings(read_contents(path))


@needs("openvino")
def test_openvino_answers_as_litert(path):
    assert check(path, "openvino").targets[0].status == "fail"
    path.write_bytes(with_biases(path.read_bytes()))
    assert check(path, "openvino").targets[0].status == "pass"
