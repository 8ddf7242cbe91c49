"""LeNet-5. LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition", Fig. 2."""

from dataclasses import dataclass

from keras_cnns.blocks.head import predictions
from keras_cnns.family import Paper, Variant
from keras_cnns.lazy import layers

PAPER = Paper(
    "LeCun et al.",
    1998,
    "Gradient-Based Learning Applied to Document Recognition",
    "Proceedings of the IEEE 86(11)",
)


@dataclass(frozen=True)
class LeNet(Variant):
    """Maps or units of each layer."""

    C1: int
    C3: int
    C5: int
    F6: int


VARIANTS = {
    "lenet5": LeNet(
        6, 16, 120, 84, input_shape=(32, 32, 1), classes=10, activation="tanh", preprocessing="unit"
    ),  # as taught today: every map of C3 sees all of S2, average pooling without weights
}


def features(x, net, unit):
    """Levels C1 (the paper's S2) and C2 (S4). Windows are 5x5 and nothing is padded."""
    x = unit.act(unit.conv(x, net.C1, 5, bias=True, padding="valid", name="C1"), name="C1")
    s2 = layers.AveragePooling2D(2, name="S2")(x)
    x = unit.act(unit.conv(s2, net.C3, 5, bias=True, padding="valid", name="C3"), name="C3")
    s4 = layers.AveragePooling2D(2, name="S4")(x)
    return {"C1": s2, "C2": s4}


def head(x, net, unit, *, classes, activation):
    """C5 (a convolution that covers all of S4), F6, output."""
    x = unit.act(unit.conv(x, net.C5, 5, bias=True, padding="valid", name="C5"), name="C5")
    x = layers.Flatten(name="flatten")(x)
    x = unit.act(layers.Dense(net.F6, name="F6")(x), name="F6")
    return predictions(x, classes=classes, activation=activation)
