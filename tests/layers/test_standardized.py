"""Weight standardization: each filter is used with mean 0 and variance 1, whatever it holds."""

import keras
import numpy as np

from keras_cnns import build
from keras_cnns.layers import StandardizedConv2D
from keras_cnns.testing import randomize


def layer_and_input(**arguments):
    rng = np.random.default_rng(0)
    layer = StandardizedConv2D(8, 3, **arguments)
    x = rng.normal(size=(2, 9, 7, 4)).astype("float32")
    layer.build(x.shape)
    layer.set_weights([3 * rng.normal(size=w.shape) + 5 for w in layer.weights])
    return layer, x


def test_equals_a_convolution_with_the_standardized_kernel():
    layer, x = layer_and_input(strides=2, padding="same")
    kernel, bias = layer.get_weights()
    kernel = (kernel - kernel.mean((0, 1, 2))) / kernel.std((0, 1, 2))
    plain = keras.layers.Conv2D(8, 3, strides=2, padding="same")
    plain.build(x.shape)
    plain.set_weights([kernel, bias])
    np.testing.assert_allclose(layer(x), plain(x), rtol=1e-4, atol=1e-4)


def test_scale_and_mean_of_a_filter_do_not_matter():
    layer, x = layer_and_input(use_bias=False)
    before = np.asarray(layer(x))
    layer.set_weights([7 * layer.get_weights()[0] - 2])
    np.testing.assert_allclose(layer(x), before, rtol=1e-3, atol=1e-3)


def test_a_network_of_them_normalizes_no_batch():
    model = build("bit_r50x1", input_shape=(32, 32, 3))
    kinds = [type(layer).__name__ for layer in model.layers]
    assert "BatchNormalization" not in kinds and "Conv2D" not in kinds
    assert kinds.count("StandardizedConv2D") == 53 and kinds.count("GroupNormalization") == 49


def test_in_the_file_the_kernel_is_standardized_already(tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    from keras_cnns.tflite import export

    image = keras.Input((16, 16, 8))
    model = randomize(keras.Model(image, keras.layers.ReLU()(StandardizedConv2D(8, 3, padding="same")(image))))
    assert export(model, tmp_path / "model.tflite").status == "pass"
    interpreter = Interpreter(str(tmp_path / "model.tflite"))
    assert [op["op_name"] for op in interpreter._get_ops_details() if op["op_name"] != "DELEGATE"] == ["CONV_2D"]
