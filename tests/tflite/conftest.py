"""Networks that know something, so that a comparison means something: trained on scikit-learn's digits, in seconds."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits


@pytest.fixture(scope="session")
def digits():
    """(pictures (N, 16, 16, 1) from 0 to 1, labels): 1,000 to train and calibrate on, 797 to verify on."""
    pictures, labels = load_digits(return_X_y=True)
    pictures = (pictures.reshape(-1, 8, 8, 1) / 16).repeat(2, axis=1).repeat(2, axis=2).astype(np.float32)
    return (pictures[:1000], labels[:1000]), (pictures[1000:], labels[1000:])


@pytest.fixture(scope="session")
def network(digits):
    """A small network with the layers that quantization stumbles over: strides, depthwise, relu6, hard-swish, a sum."""
    keras.utils.set_random_seed(1)
    x = image = keras.Input((16, 16, 1), name="image")
    x = keras.layers.Conv2D(16, 3, 2, "same", use_bias=False)(x)
    x = shortcut = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization(momentum=0.9)(x))
    x = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = keras.layers.Activation("hard_swish")(keras.layers.BatchNormalization(momentum=0.9)(x))
    x = keras.layers.Add()([keras.layers.Conv2D(16, 1)(x), shortcut])
    x = keras.layers.Conv2D(24, 3, 2, "same", activation="relu")(x)
    x = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(x))
    x = keras.layers.Dense(10, activation="softmax", name="predictions")(x)
    model = keras.Model(image, x, name="digits_net")
    (pictures, labels), _ = digits
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(pictures, labels, 64, epochs=8, verbose=0)
    return model
