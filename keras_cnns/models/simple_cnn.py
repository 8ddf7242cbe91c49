"""A first network: two convolutions, batch normalization and pooling, for pictures as Fashion-MNIST has them."""

from dataclasses import KW_ONLY, dataclass

from keras_cnns.blocks.conv import Numerics
from keras_cnns.blocks.head import predictions
from keras_cnns.family.protocol import Paper, Variant
from keras_cnns.support.lazy_imports import layers

PAPER = Paper(
    "Xiao et al.",
    2017,
    "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms",
    "1708.07747",
)


@dataclass(frozen=True)
class SimpleCNN(Variant):
    """widths: channels of the 5x5 convolutions; each is followed by BN, ReLU and max pooling."""

    widths: tuple = (16, 32)
    _: KW_ONLY
    input_shape: tuple = (28, 28, 1)
    classes: int = 10
    min_size: int = 4
    numerics: Numerics = Numerics(conv_bias=True, epsilon=1e-5, momentum=0.9)
    initializer: str = "he_normal"
    preprocessing: str = "unit"


VARIANTS = {"simple_cnn": SimpleCNN()}


def features(x, net, unit):
    """Levels C1, C2: 14x14x16 and 7x7x32 for 28x28."""
    levels = {}
    for i, width in enumerate(net.widths, start=1):
        x = unit(x, width, 5, name=f"conv{i}")
        x = levels[f"C{i}"] = unit.max_pool(x, 2, 2, padding="valid", name=f"pool{i}")
    return levels


def head(x, net, unit, *, classes, activation):
    """One fully connected layer."""
    return predictions(layers.Flatten(name="flatten")(x), classes=classes, activation=activation)
