"""A first network for 28x28 pictures such as Fashion-MNIST's: convolution, batch normalization and pooling, twice."""

from dataclasses import KW_ONLY, dataclass

from keras_cnns.blocks.conv import ConvUnit, Numerics
from keras_cnns.blocks.head import predictions
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper(
    "Xiao et al.",
    2017,
    "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms",
    "1708.07747",
)


@dataclass(frozen=True)
class SimpleCNN(Variant):
    """One network; `widths` holds the channels of its 5x5 convolutions. BN, ReLU and max pooling follow each."""

    widths: tuple[int, ...] = (16, 32)
    _: KW_ONLY
    input_shape: tuple[int, int, int] = (28, 28, 1)
    classes: int = 10
    min_size: int = 4
    numerics: Numerics = Numerics(conv_bias=True, epsilon=1e-5, momentum=0.9)
    initializer: str = "he_normal"
    preprocessing: str = "unit"


VARIANTS = {"simple_cnn": SimpleCNN()}


def features(x: Tensor, net: SimpleCNN, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 (14x14x16 for 28x28) and C2 (7x7x32)."""
    levels: dict[str, Tensor] = {}
    for i, width in enumerate(net.widths, start=1):
        x = unit(x, width, 5, name=f"conv{i}")
        x = levels[f"C{i}"] = unit.max_pool(x, 2, 2, padding="valid", name=f"pool{i}")
    return levels


def predict(levels: Levels, net: SimpleCNN, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """One fully connected layer."""
    return predictions(layers.Flatten(name="flatten")(levels.last), classes=classes, activation=activation)


HEAD = Head(predict)
