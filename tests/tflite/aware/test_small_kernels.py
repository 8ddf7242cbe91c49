"""What weight decay leaves of a kernel before batch normalization says nothing of the network: nor does training on."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_cnns.tflite.aware import api

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 8, 8, 3)).astype("float32")
Y = (X.mean((1, 2)).argmax(-1)).astype("int64")
LINEAR = {
    "conv": lambda x: layers.Conv2D(8, 3, use_bias=False, name="linear")(x),
    "conv with a bias": lambda x: layers.Conv2D(8, 3, name="linear")(x),
    "depthwise": lambda x: layers.DepthwiseConv2D(3, depth_multiplier=2, name="linear")(x),
    "transposed": lambda x: layers.Conv2DTranspose(5, 3, strides=2, name="linear")(x),
    "dense": lambda x: layers.Dense(7, name="linear")(x),
}


def network(kind, small):
    """The same network for every `small`, by which the kernel and its statistics differ."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = layers.BatchNormalization(name="norm")(LINEAR[kind](image))
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(x))
    model = keras.Model(image, layers.Dense(3, activation="softmax", name="scores")(x))
    norm, linear = model.get_layer("norm"), model.get_layer("linear")
    rng, count = np.random.default_rng(1), norm.gamma.shape[0]
    mean, variance = rng.normal(0, 0.1, count), rng.uniform(0.1, 1, count)
    norm.set_weights([rng.uniform(0.5, 1.5, count), rng.normal(0, 0.5, count), mean, variance])
    for weight in linear.weights:
        weight.assign(weight + 0.05)
        weight.assign(weight * small)
    norm.moving_mean.assign(mean * small)
    norm.moving_variance.assign((variance + norm.epsilon) * small**2 - norm.epsilon)
    return model


def trained_on(kind, small, method="keras"):
    library = keras
    if method == "tfmot":
        from keras_cnns.tflite.aware.twin import tf_keras as library
    model = api.quantization_aware(network(kind, small), method=method, pictures=X)
    model.compile(library.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(X, Y, 16, epochs=2, shuffle=False, verbose=0)
    return np.asarray(model.predict(X, verbose=0))


def check(kind, method="keras"):
    before, further = network(kind, 1.0).predict(X, verbose=0), trained_on(kind, 1.0, method)
    assert np.abs(trained_on(kind, 0.1, method) - further).mean() < 0.15 * np.abs(further - before).mean()


@pytest.mark.parametrize("kind", LINEAR)
def test_the_two_are_one_network(kind):
    full, small = (network(kind, small).predict(X, verbose=0) for small in (1.0, 0.1))
    np.testing.assert_allclose(small, full, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", LINEAR)
def test_training_on_moves_a_small_kernel_no_further(kind):
    check(kind)


@pytest.mark.slow
def test_nor_by_the_other_method():
    check("conv", "tfmot")


def test_a_larger_kernel_is_made_no_smaller():
    model = network("conv", 1.0)
    variance = np.array([0.25, 1, 4, 100, 0.01, 1, 2, 3], "float32")
    model.get_layer("norm").moving_variance.assign(variance)
    aware = api.quantization_aware(model, pictures=X)
    np.testing.assert_allclose(aware.get_layer("norm").moving_variance, np.maximum(variance, 1), rtol=4e-3)
    grown = aware.get_layer("linear").kernel / model.get_layer("linear").kernel
    np.testing.assert_allclose(grown, np.full((3, 3, 3, 8), np.maximum(1 / np.sqrt(variance), 1)), rtol=0.06)
