"""Every FULLY_CONNECTED of an int8 file has a bias: without one OpenVINO, with one thread, answers wrongly."""

import keras
import numpy as np

from keras_cnns.tflite import Tuning, export
from keras_cnns.tflite.file.reader import read_contents


def test_an_exported_file_has_a_bias_everywhere(tmp_path):
    keras.utils.set_random_seed(0)
    image = keras.Input((4, 4, 3))
    x = keras.layers.Dense(8, use_bias=False, activation="tanh")(keras.layers.Flatten()(image))
    model = keras.Model(image, keras.layers.Dense(3, use_bias=False)(x))
    pictures = np.random.default_rng(0).uniform(0, 1, (16, 4, 4, 3)).astype("f4")
    export(model, tmp_path / "net.tflite", scheme="int8", calibration=pictures, tuning=Tuning.plain(), force=True)
    file = read_contents(tmp_path / "net.tflite")
    dense = [operator for operator in file.main.operators if operator.name == "FULLY_CONNECTED"]
    biases = [file.main.tensors[operator.inputs[2]] for operator in dense]
    assert [bias.shape for bias in biases] == [(8,), (3,)]
    assert not any(file.values(bias).any() for bias in biases)
