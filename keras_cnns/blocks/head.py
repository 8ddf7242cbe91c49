"""Heads: turn the last feature map into class scores or a vector."""

from typing import Any

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.pooling import adaptive_pool
from keras_cnns.support.lazy_imports import keras, layers
from keras_cnns.support.types import Tensor


def classifier(x: Tensor, net: Any, *, classes: int, activation: str | None) -> Tensor:
    """Global average pooling, dropout and one dense layer: [batch, height, width, channels] -> [batch, classes].

    The head of most networks since Network in Network (Lin et al. 2013, 1312.4400, section 3.2).

    Args:
      net: the row of the variant, of which `dropout` (a fraction) is read.
      activation: "softmax" for probabilities, None for logits.
    """
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return predictions(dropout(x, net.dropout), classes=classes, activation=activation)


def fully_connected(
    x: Tensor,
    net: Any,
    unit: ConvUnit,
    *,
    grid: int,
    units: tuple[int, ...] = (4096, 4096),
    classes: int,
    activation: str | None,
) -> Tensor:
    """Flatten, fc6 and fc7 with dropout, class scores: [batch, height, width, channels] -> [batch, classes].

    The head of AlexNet and VGG. Krizhevsky et al. 2012, section 3.5.

    Args:
      net: the row of the variant, of which `dropout` (a fraction) is read.
      grid: side of the feature map at the published picture size. With adaptive numerics, x is pooled to it.
      units: of fc6, fc7 and so on.
      activation: "softmax" for probabilities, None for logits.
    """
    x = adaptive_pool(x, grid, name="adaptive_pool") if unit.numerics.adaptive else x
    x = layers.Flatten(name="flatten")(x)
    for i, width in enumerate(units, start=6):
        x = unit.act(layers.Dense(width, kernel_initializer=unit.initializer, name=f"fc{i}")(x), name=f"fc{i}")
        x = dropout(x, net.dropout, name=f"drop{i}")
    return predictions(x, classes=classes, activation=activation)


def dropout(x: Tensor, rate: float, *, name: str = "dropout") -> Tensor:
    """Dropout; returns x if the rate is 0."""
    return layers.Dropout(rate, name=name)(x) if rate else x


def predictions(x: Tensor, *, classes: int, activation: str | None) -> Tensor:
    """Class scores, [batch, n] -> [batch, classes], from the layer "predictions"."""
    return layers.Dense(classes, activation=activation, dtype=score_dtype(), name="predictions")(x)


def score_dtype() -> str:
    """The dtype of class scores: at least float32, because a softmax in 16 bits loses the small scores."""
    return "float64" if keras.config.dtype_policy().compute_dtype == "float64" else "float32"


def pool(x: Tensor, pooling: str | None) -> Tensor:
    """Global pooling to [batch, channels], "avg" or "max"; None returns x."""
    if pooling == "avg":
        return layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if pooling == "max":
        return layers.GlobalMaxPooling2D(name="max_pool")(x)
    return x
