"""The forms that a target wants reach the file, also where no other form changes."""

import keras
import numpy as np
import pytest

from keras_cnns.tflite import build_file
from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.float_model import FloatModel
from keras_cnns.tflite.quantize.job import Job
from keras_cnns.tflite.targets.target import Rewrites


@pytest.mark.parametrize(("form", "depthwise"), [("convolution", 1), ("product", 0)])
def test_how_the_input_is_scaled_is_the_targets_choice(form, depthwise):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 127.5, -1), keras.layers.Conv2D(4, 3, padding="same")]
    )
    pictures = {
        FloatModel.of(model).inputs[0]: np.random.default_rng(0).uniform(0, 255, (8, 8, 8, 3)).astype("float32")
    }
    job = Job(pictures, rewrites=Rewrites(scaled_input=form))
    _, data = build_file.build(FloatModel.of(model), "int8", job)
    file = flatbuffer.read(data)
    codes = [file.operatorCodes[operator.opcodeIndex].builtinCode for operator in file.subgraphs[0].operators]
    assert codes.count(4) == depthwise  # DEPTHWISE_CONV_2D
