"""LeNet-5. LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition", Fig. 2 and Table I."""

from dataclasses import dataclass
from typing import Any

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.head import predictions, score_dtype
from keras_cnns.blocks.own_layers import own
from keras_cnns.blocks.pooling import trainable_subsampling
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper(
    "LeCun et al.",
    1998,
    "Gradient-Based Learning Applied to Document Recognition",
    "Proceedings of the IEEE 86(11)",
)

# Table I: for each map of C3, the maps of S2 that it is connected to
TABLE_I = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (4, 5, 0), (5, 0, 1)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (3, 4, 5, 0), (4, 5, 0, 1), (5, 0, 1, 2)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)


@dataclass(frozen=True)
class LeNet(Variant):
    """One form of the network.

    Args:
      C1, C5, F6: maps or units of these layers.
      C3: the number of its maps, or a table of connections.
      published: the network as published. Subsampling has a coefficient and a bias for each map, 1.7159 tanh(2/3 x)
        follows every layer, and the output units measure the distance of F6 to a 7x12 bitmap of each digit.
    """

    C1: int
    C3: int | tuple[tuple[int, ...], ...]
    C5: int
    F6: int
    published: bool = False


SHARED: dict[str, Any] = {"input_shape": (32, 32, 1), "classes": 10, "activation": "tanh", "preprocessing": "unit"}

VARIANTS = {
    "lenet5_1998": LeNet(6, TABLE_I, 120, 84, published=True, **SHARED),
    "lenet5": LeNet(6, 16, 120, 84, **SHARED),  # as taught today
}


def features(x: Tensor, net: LeNet, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 (the paper's S2) and C2 (S4). The convolutions are 5x5 without padding."""
    s2 = subsample(convolve(x, net.C1, net, unit, name="C1"), net, unit, name="S2")
    return {"C1": s2, "C2": subsample(convolve(s2, net.C3, net, unit, name="C3"), net, unit, name="S4")}


def predict(levels: Levels, net: LeNet, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """C5 (a convolution over all of S4), F6 and the output.

    The published output units are squared distances. The scores are their negatives, so that the greatest score is the
    answer and the softmax of the scores is the posterior of the paper's equation 9.
    """
    x = layers.Flatten(name="flatten")(convolve(levels.last, net.C5, net, unit, name="C5"))
    x = squash(layers.Dense(net.F6, name="F6")(x), net, unit, name="F6")
    if not net.published:
        return predictions(x, classes=classes, activation=activation)
    x = layers.Rescaling(-1.0, dtype=score_dtype(), name="negative")(own.EuclideanRBF(classes, name="rbf")(x))
    return layers.Activation(activation or "linear", dtype=score_dtype(), name="predictions")(x)


def convolve(x: Tensor, maps: int | tuple[tuple[int, ...], ...], net: LeNet, unit: ConvUnit, *, name: str) -> Tensor:
    """A 5x5 convolution, fully connected or with a table of connections, and the activation."""
    if isinstance(maps, int):
        x = unit.conv(x, maps, 5, bias=True, padding="valid", name=name)
    else:
        x = own.TableConv2D(maps, 5, kernel_initializer=unit.initializer, name=f"{name}_conv")(x)
    return squash(x, net, unit, name=name)


def subsample(x: Tensor, net: LeNet, unit: ConvUnit, *, name: str) -> Tensor:
    """Means over 2x2, in the published network times a trainable coefficient plus a bias, and the activation."""
    if not net.published:
        return layers.AveragePooling2D(2, name=name)(x)
    return squash(trainable_subsampling(x, name=name), net, unit, name=name)


def squash(x: Tensor, net: LeNet, unit: ConvUnit, *, name: str) -> Tensor:
    """tanh, or the published 1.7159 tanh(2/3 x), which maps -1 to -1 and 1 to 1."""
    if not net.published:
        return unit.act(x, name=name)
    x = unit.act(layers.Rescaling(2 / 3, name=f"{name}_slope")(x), name=name)
    return layers.Rescaling(1.7159, name=f"{name}_amplitude")(x)


HEAD = Head(predict)
