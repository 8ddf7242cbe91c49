"""Several views of one picture, and networks that look at pictures of any size."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_cnns import build
from keras_cnns.data.views import fully_convolutional, multi_scale, ten_crops
from keras_cnns.errors import UserError

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 10, 13, 3)).astype(np.float32)


def test_ten_crops():
    views = ten_crops(IMAGES, (8, 9))
    expected = [IMAGES[:, :8, :9], IMAGES[:, :8, 4:], IMAGES[:, 2:, :9], IMAGES[:, 2:, 4:], IMAGES[:, 1:9, 2:11]]
    assert len(views) == 10
    for i, crop in enumerate(expected):
        np.testing.assert_array_equal(views[i], crop)
        np.testing.assert_array_equal(views[i + 5], crop[:, :, ::-1])


def test_crops_larger_than_the_pictures():
    with pytest.raises(UserError, match="11 x 8 do not fit into pictures of 10 x 13"):
        ten_crops(IMAGES, (11, 8))


def test_multi_scale_keeps_the_aspect():
    views = multi_scale(IMAGES, (5, 20))
    assert [tuple(view.shape[1:3]) for view in views] == [(5, 6), (20, 26)] * 2
    half = Image.fromarray(IMAGES[0].astype(np.uint8)).resize((6, 5), Image.BILINEAR)
    assert np.abs(views[0][0] - np.array(half, float)).max() < 2
    np.testing.assert_array_equal(views[3], views[1][:, :, ::-1])


def randomised(name, **columns):
    """A network whose every weight, statistics included, is another than at the start."""
    model = build(name, classes=4, classifier_activation=None, **columns)
    rng = np.random.default_rng(1)
    model.set_weights([w * rng.uniform(0.5, 1.5, w.shape) + rng.uniform(0, 0.05, w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize(("name", "side"), [("lenet5", 32), ("resnet20_cifar", 16), ("simple_cnn", 28)])
def test_a_fully_convolutional_network_answers_the_same_at_its_own_size(name, side):
    model = randomised(name, input_shape=(side, side, 3))
    free = fully_convolutional(model)
    image = np.random.default_rng(2).uniform(0, 1, (2, side, side, 3)).astype("float32")
    expected = model.predict(image, verbose=0)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(free.predict(image, verbose=0).reshape(2, 4), expected, rtol=1e-4)


def test_it_answers_at_every_position_of_a_larger_picture():
    """Layers without padding: each answer is that of the network on its own part of the picture."""
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.Flatten()(keras.layers.Conv2D(5, 3)(inputs))
    x = keras.layers.Dense(4, "softmax")(keras.layers.Dense(8, "relu")(x))
    model = keras.Model(inputs, x)
    image = np.random.default_rng(3).uniform(0, 1, (1, 7, 9, 3)).astype("float32")
    answers = fully_convolutional(model).predict(image, verbose=0)
    assert answers.shape == (1, 2, 4, 4)
    for row, column in np.ndindex(2, 4):
        part = image[:, row : row + 6, column : column + 6]
        np.testing.assert_allclose(answers[:, row, column], model.predict(part, verbose=0), atol=1e-6)


def test_a_network_that_knows_its_size_is_refused():
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Reshape((16,)), keras.layers.Dense(2)])
    with pytest.raises(UserError, match="ten_crops"):
        fully_convolutional(model)
