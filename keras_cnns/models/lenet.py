"""LeNet-5. LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition", Fig. 2 and Table I."""

from dataclasses import dataclass
from typing import Any

from keras_cnns import layers as own
from keras_cnns.blocks.head import predictions, score_dtype
from keras_cnns.blocks.pooling import trainable_subsampling
from keras_cnns.family.protocol import Paper, Variant
from keras_cnns.support.lazy_imports import layers

PAPER = Paper(
    "LeCun et al.",
    1998,
    "Gradient-Based Learning Applied to Document Recognition",
    "Proceedings of the IEEE 86(11)",
)

# Table I, a row a map of C3: the maps of S2 it sees
TABLE_I = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (4, 5, 0), (5, 0, 1)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (3, 4, 5, 0), (4, 5, 0, 1), (5, 0, 1, 2)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)


@dataclass(frozen=True)
class LeNet(Variant):
    """Maps or units of each layer; C3 may be a table.

    published: subsampling with a coefficient and a bias a map, 1.7159 tanh(2/3 x) after every layer, and output units
      that measure the distance of F6 to a picture of the digit.
    """

    C1: int
    C3: int | tuple
    C5: int
    F6: int
    published: bool = False


SHARED: dict[str, Any] = {"input_shape": (32, 32, 1), "classes": 10, "activation": "tanh", "preprocessing": "unit"}

VARIANTS = {
    "lenet5_1998": LeNet(6, TABLE_I, 120, 84, published=True, **SHARED),
    "lenet5": LeNet(6, 16, 120, 84, **SHARED),  # as taught today
}


def features(x, net, unit):
    """Levels C1 (the paper's S2) and C2 (S4). Windows are 5x5 and nothing is padded."""
    s2 = subsample(convolve(x, net.C1, net, unit, name="C1"), net, unit, name="S2")
    return {"C1": s2, "C2": subsample(convolve(s2, net.C3, net, unit, name="C3"), net, unit, name="S4")}


def head(x, net, unit, *, classes, activation):
    """C5 (a convolution that covers all of S4), F6, output.

    The published output units are squared distances; scores are the distances negated, so that the greatest is the
    answer and their softmax the posterior of the paper's equation 9.
    """
    x = layers.Flatten(name="flatten")(convolve(x, net.C5, net, unit, name="C5"))
    x = squash(layers.Dense(net.F6, name="F6")(x), net, unit, name="F6")
    if not net.published:
        return predictions(x, classes=classes, activation=activation)
    x = layers.Rescaling(-1.0, dtype=score_dtype(), name="negative")(own.EuclideanRBF(classes, name="rbf")(x))
    return layers.Activation(activation or "linear", dtype=score_dtype(), name="predictions")(x)


def convolve(x, maps, net, unit, *, name):
    if isinstance(maps, int):
        x = unit.conv(x, maps, 5, bias=True, padding="valid", name=name)
    else:
        x = own.TableConv2D(maps, 5, kernel_initializer=unit.initializer, name=f"{name}_conv")(x)
    return squash(x, net, unit, name=name)


def subsample(x, net, unit, *, name):
    if not net.published:
        return layers.AveragePooling2D(2, name=name)(x)
    return squash(trainable_subsampling(x, name=name), net, unit, name=name)


def squash(x, net, unit, *, name):
    """tanh, or the published 1.7159 tanh(2/3 x), which is +-1 at +-1."""
    if not net.published:
        return unit.act(x, name=name)
    x = unit.act(layers.Rescaling(2 / 3, name=f"{name}_slope")(x), name=name)
    return layers.Rescaling(1.7159, name=f"{name}_amplitude")(x)
