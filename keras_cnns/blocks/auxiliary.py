"""Auxiliary classifiers: class scores from the middle of a network, used in training only."""

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.head import dropout, score_dtype
from keras_cnns.blocks.pooling import adaptive_pool
from keras_cnns.support.lazy_imports import keras, layers
from keras_cnns.support.types import Tensor


def auxiliary_v1(x: Tensor, *, unit: ConvUnit, classes: int, activation: str | None, name: str) -> Tensor:
    """The auxiliary classifier of GoogLeNet: [batch, height, width, channels] -> [batch, classes].

    5x5 average pooling with stride 3, 1x1 convolution with 128 filters, fully connected layer with 1024 units, dropout
    of 70%, class scores. Szegedy et al. 2014, 1409.4842, section 5.
    """
    if unit.numerics.adaptive:
        x = adaptive_pool(x, 4, name=f"{name}_pool")
    else:
        x = unit.average_pool(x, 5, 3, padding="valid", name=f"{name}_pool")
    x = layers.Flatten(name=f"{name}_flatten")(unit(x, 128, 1, name=name))
    x = unit.act(layers.Dense(1024, kernel_initializer=unit.initializer, name=f"{name}_fc")(x), name=f"{name}_fc")
    return scores(dropout(x, 0.7, name=f"{name}_drop"), classes, activation, name)


def auxiliary_v3(x: Tensor, *, unit: ConvUnit, classes: int, activation: str | None, name: str) -> Tensor:
    """The auxiliary classifier of Inception-v3: [batch, height, width, channels] -> [batch, classes].

    5x5 average pooling with stride 3, 1x1 convolution with 128 filters, 5x5 convolution with 768 filters, class scores.
    Szegedy et al. 2015, 1512.00567, Fig. 8. For pictures much smaller than 299x299, the map is smaller than 5x5; the
    second kernel is then as large as the map.
    """
    x = unit.average_pool(x, 5, 3, padding="valid", name=f"{name}_pool")
    x = unit(x, 128, 1, name=f"{name}_1")
    kernel = min(5, *(side or 5 for side in x.shape[1:3]))
    x = unit(x, 768, kernel, padding="valid", name=f"{name}_2")
    return scores(layers.GlobalAveragePooling2D(name=f"{name}_avg_pool")(x), classes, activation, name)


def scores(x: Tensor, classes: int, activation: str | None, name: str) -> Tensor:
    """Class scores of an auxiliary classifier, [batch, n] -> [batch, classes], from the layer {name}_predictions."""
    return layers.Dense(classes, activation=activation, dtype=score_dtype(), name=f"{name}_predictions")(x)


def without_auxiliary(model: "keras.Model") -> "keras.Model":
    """The model with its first output only, for inference. The new model shares the weights of `model`."""
    return keras.Model(model.input, model.outputs[0], name=model.name)
