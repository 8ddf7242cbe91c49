"""dynamic_int8: which kernels are int8, and which stay in float because int8 makes them no faster."""

import keras
import numpy as np

from keras_cnns.tflite.file import convert
from keras_cnns.tflite.quantize import schemes, steps
from keras_cnns.tflite.quantize.evaluate import answers
from keras_cnns.tflite.quantize.job import Job

TYPE = steps.schema.TensorType


def test_small_and_depthwise_kernels_stay_in_float():
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3), name="image")
    x = keras.layers.Conv2D(32, 3, name="small")(image)  # 864 numbers
    x = keras.layers.DepthwiseConv2D(7, name="depthwise")(x)  # 1,568
    x = keras.layers.Conv2D(32, 1, name="large")(x)  # 1,024
    model = keras.Model(image, keras.layers.Dense(40, name="dense")(keras.layers.GlobalAveragePooling2D()(x)))
    plain = convert.to_flatbuffer(model, 1)
    data = schemes.make("dynamic_int8", plain, Job())
    file = steps.File(data)
    weighted = (steps.KIND.CONV_2D, steps.KIND.DEPTHWISE_CONV_2D, steps.KIND.FULLY_CONNECTED)
    types = [file.tensors[o.inputs[1]].type for o in file.operators if file.kind(o) in weighted]
    assert types == [TYPE.FLOAT32, TYPE.FLOAT32, TYPE.INT8, TYPE.INT8]
    pictures = [{"image": p[None]} for p in np.random.default_rng(1).normal(0, 1, (4, 12, 12, 3)).astype("float32")]
    (expected,), _ = answers(plain, pictures)
    (actual,), _ = answers(data, pictures)
    assert 10 * np.log10(np.sum(expected**2) / np.sum((expected - actual) ** 2)) > 30
