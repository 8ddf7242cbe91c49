"""A classifier that slides: the same answer at its own size, and at each place of a larger picture that of its part."""

import keras
import numpy as np
import pytest

from keras_cnns import UserError, build, to_fully_convolutional
from keras_cnns.testing import pictures, randomize


def slid(name, **columns):
    model = randomize(build(name, classes=4, classifier_activation=None, **columns))
    return model, to_fully_convolutional(model)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("name", "side", "columns"),
    [
        ("lenet5", 32, {}),
        ("resnet20_cifar", 16, {}),
        ("simple_cnn", 28, {}),
        ("mobilenet_v3_small", 32, {}),  # squeeze-excitation looks at the whole picture as before
        ("vgg11", 224, {"widths": (4, 4, 4, 4, 4), "include_preprocessing": True}),
    ],
)
def test_it_answers_the_same_at_its_own_size(name, side, columns):
    model, free = slid(name, input_shape=(side, side, 3), **columns)
    images = pictures(2, (side, side, 3))
    expected = model.predict(images, verbose=0)
    answer = free.predict(images, verbose=0)
    assert answer.shape == (2, 1, 1, 4) and np.ptp(expected) > 1e-3
    np.testing.assert_allclose(answer.reshape(2, 4), expected, atol=1e-4 * np.abs(expected).max())
    larger = free.predict(pictures(1, (side + 32, side + 64, 3)), verbose=0)
    assert larger.shape[1] > 1 and larger.shape[2] > larger.shape[1]


ENDS = {
    "flatten": lambda kind: [kind.Flatten()],
    "average": lambda kind: [kind.GlobalAveragePooling2D()],
    "maximum": lambda kind: [kind.GlobalMaxPooling2D()],
    "kept": lambda kind: [kind.GlobalAveragePooling2D(keepdims=True), kind.Conv2D(6, 1), kind.Flatten()],
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("end", list(ENDS))
def test_its_answer_at_a_place_is_the_classifiers_on_that_crop(end):
    """Layers without padding, one of stride 2: the crops lie two pixels apart."""
    image = keras.Input((10, 12, 3))
    x = keras.layers.Conv2D(5, 3, 2)(image)
    for layer in ENDS[end](keras.layers):
        x = layer(x)
    x = keras.layers.Dropout(0.5)(keras.layers.Dense(8, "relu")(x))
    model = randomize(keras.Model(image, keras.layers.Dense(4, "softmax")(x)))
    images = pictures(2, (16, 22, 3))
    answers = to_fully_convolutional(model).predict(images, verbose=0)
    assert answers.shape == (2, 4, 6, 4)
    for row, column in np.ndindex(4, 6):
        part = images[:, 2 * row : 2 * row + 10, 2 * column : 2 * column + 12]
        np.testing.assert_allclose(answers[:, row, column], model.predict(part, verbose=0), atol=1e-5)


def test_a_registered_network_without_padding_slides_exactly():
    model, free = slid("lenet5")
    images = pictures(1, (40, 48, 1))
    answers = free.predict(images, verbose=0)
    for row, column in np.ndindex(*answers.shape[1:3]):
        part = images[:, 4 * row : 4 * row + 32, 4 * column : 4 * column + 32]
        np.testing.assert_allclose(answers[:, row, column], model.predict(part, verbose=0), atol=1e-4)


def test_a_network_that_knows_its_size_is_refused():
    model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Reshape((16,)), keras.layers.Dense(2)])
    with pytest.raises(UserError, match="other sizes"):
        to_fully_convolutional(model)
    with pytest.raises(UserError, match="published size"):
        to_fully_convolutional(build("sppnet_zf", input_shape=(96, 131, 3), columns={"widths": (4, 4, 4, 4, 4)}, fc=()))
    with pytest.raises(UserError, match="input_shape"):
        to_fully_convolutional(build("mobilenet_v1", width=0.25, input_shape=(None, None, 3)))
