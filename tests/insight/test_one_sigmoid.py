"""One sigmoid answers two classes: each has its own map, whatever form the model has, and in `.tflite` files too."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_cnns import insight, tflite
from keras_cnns.insight.maps.targets import Class
from keras_cnns.insight.maps.tflite_file import File
from tests.insight.test_arguments import METHODS, one_sigmoid, strength

SIGNED = ("cam", "occlusion", "integrated_gradients", "saliency")


def behind(model, **convolution):
    """The model with its sigmoid as an operation behind a linear layer: dense, or a convolution before the pooling."""
    kernel, bias = model.get_layer("scores").get_weights()
    maps, pooled = model.get_layer("maps").output, layers.GlobalAveragePooling2D()
    if convolution:
        scores = layers.Conv2D(1, 1)
        x = layers.Activation("sigmoid")(pooled(scores(maps)))
        scores.set_weights([kernel.reshape(1, 1, 2, 1), bias])
    else:
        scores = layers.Dense(1)
        x = ops.sigmoid(scores(pooled(maps)))
        scores.set_weights([kernel, bias])
    return keras.Model(model.input, x)


def nested(model):
    image = keras.Input((32, 32, 3))
    return keras.Model(image, layers.Reshape((1,))(model(image)))


@pytest.mark.slow
@pytest.mark.parametrize("form", [behind, lambda model: behind(model, convolution=True), nested])
@pytest.mark.parametrize("method", METHODS)
def test_either_class_in_other_forms_of_the_model(method, form):
    """Red speaks for class 1, blue for class 0; what speaks for one speaks against the other."""
    model, picture = one_sigmoid()
    model = form(model)
    (red, blue), (red_0, blue_0) = (strength(method, model, picture, target) for target in (1, 0))
    assert red > blue and blue_0 > red_0
    assert strength(method, model, picture, None) == pytest.approx((red_0, blue_0))
    if method in SIGNED:
        assert (red_0, blue_0) == pytest.approx((-red, -blue), abs=1e-4)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A file of the model, which also outputs the class map."""
    model, picture = one_sigmoid()
    path = tmp_path_factory.mktemp("files") / "map.tflite"
    tflite.export(model, path, explain="cam", images=np.concatenate([picture, picture[:, ::-1]] * 8))
    return File(path)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["cam", "occlusion"])
def test_either_class_of_a_file(file, method):
    model, picture = one_sigmoid()
    maps = {}
    for target in (0, 1, None):
        (maps[target],), classes = file.maps(method, picture, Class(target))
        assert classes.tolist() == [target or 0]  # it answers class 0
    np.testing.assert_allclose(maps[0], -maps[1], atol=1e-5)
    np.testing.assert_array_equal(maps[None], maps[0])
    (expected,) = getattr(insight, method)(model, picture, 1)
    np.testing.assert_allclose(maps[1], expected, atol=1e-3 * np.abs(expected).max())
