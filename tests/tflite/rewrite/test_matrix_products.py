"""A ReLU after a product of two computed matrices survives the conversion."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_cnns.testing import pictures, randomize
from keras_cnns.tflite import export, predict
from keras_cnns.tflite.rewrite import prepare
from keras_cnns.tflite.verify.rejection import Rejected

PRODUCTS = {
    "matmul": ops.matmul,
    "einsum": lambda a, b: ops.einsum("ij,jk->ik", a, b),
    "dot": ops.dot,
    "tensordot": lambda a, b: ops.tensordot(a, b, 1),
}
ACTIVATIONS = {"relu": ops.relu, "relu6": ops.relu6, "maximum": lambda x: ops.maximum(x, 0.0)}


def network(product, activation):
    """A picture's features times its own 4 x 3 matrix, rectified."""
    image = keras.Input((4, 4, 2), batch_size=1)
    x = layers.Flatten()(image)
    matrix = ops.reshape(layers.Dense(12)(x), (4, 3))
    return randomize(keras.Model(image, activation(product(layers.Dense(4)(x), matrix))))


@pytest.mark.parametrize(
    ("product", "activation"), [("matmul", "relu6"), ("matmul", "maximum"), *((name, "relu") for name in PRODUCTS)]
)
def test_the_relu_is_kept(product, activation, tmp_path):
    model = network(PRODUCTS[product], ACTIVATIONS[activation])
    images = 20 * pictures(8, (4, 4, 2)) - 10
    expected = np.concatenate([model(images[i : i + 1], training=False).numpy() for i in range(8)])
    assert (expected == 0).any() and (expected > 0).any()
    path = export(model, tmp_path / "net.tflite", images=images, outputs="regression").path
    assert np.allclose(predict(path, images), expected, atol=1e-4)


def test_where_the_float32_file_is_wrong_the_conversion_is_blamed(tmp_path, monkeypatch):
    monkeypatch.setattr(prepare, "with_third_axis", lambda node, uses: None)
    with pytest.raises(Rejected, match="the conversion itself is wrong") as error:
        export(network(ops.matmul, ops.relu), tmp_path / "net.tflite", outputs="regression")
    assert "more bits" not in str(error.value)
