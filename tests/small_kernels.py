"""One network whose kernel before batch normalization may be as small as one likes: it computes the same."""

import keras
import numpy as np
from keras import layers

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
