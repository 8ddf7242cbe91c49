"""SqueezeNet. Iandola et al. 2016, "SqueezeNet: AlexNet-level accuracy with 50x fewer ...", 1602.07360, Table 1.

1.1 is the authors' cheaper revision (github.com/forresti/SqueezeNet), with a smaller stem and earlier pooling.
"""

from dataclasses import KW_ONLY, dataclass, replace

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.head import dropout, score_dtype
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper(
    "Iandola et al.",
    2016,
    "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
    "1602.07360",
)

# fire2 .. fire9: s1x1 (squeeze), e1x1, e3x3 (expand)
TABLE_1 = (
    (16, 64, 64),
    (16, 64, 64),
    (32, 128, 128),
    (32, 128, 128),
    (48, 192, 192),
    (48, 192, 192),
    (64, 256, 256),
    (64, 256, 256),
)


@dataclass(frozen=True)
class SqueezeNet(Variant):
    """One network.

    Args:
      stem: filters and kernel of conv1, which has stride 2 and no padding.
      pooled: the numbers of the layers that a 3x3/2 max pooling follows; 1 is conv1, 2 is fire2.
      table: the rows of Table 1.
    """

    stem: tuple[int, int]
    pooled: tuple[int, ...]
    table: tuple[tuple[int, int, int], ...] = TABLE_1
    _: KW_ONLY
    initializer: str = "he_uniform"
    preprocessing: str = "torch"
    dropout: float = 0.5


VARIANTS = {
    "squeezenet1_0": SqueezeNet((96, 7), (1, 4, 8)),
    "squeezenet1_1": SqueezeNet((64, 3), (1, 3, 5)),
}


def features(x: Tensor, net: SqueezeNet, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 .. C3, the inputs of the poolings, and C4 (fire9). Pooling windows may reach over the edge (Caffe)."""
    unit = replace(unit, normalized=False)
    filters, kernel = net.stem
    x = unit(x, filters, kernel, stride=2, padding="valid", name="conv1")
    levels: dict[str, Tensor] = {}
    for i, row in enumerate(net.table, start=2):
        if i - 1 in net.pooled:
            levels[f"C{len(levels) + 1}"] = x
            x = unit.max_pool(x, 3, 2, padding="end", name=f"pool{i - 1}")
        x = fire(x, *row, unit=unit, name=f"fire{i}")
    return levels | {f"C{len(levels) + 1}": x}


def fire(x: Tensor, s1x1: int, e1x1: int, e3x3: int, *, unit: ConvUnit, name: str) -> Tensor:
    """A 1x1 convolution squeezes, a 1x1 and a 3x3 convolution expand in parallel (Fig. 1)."""
    x = unit(x, s1x1, 1, name=f"{name}_squeeze")
    branches = [unit(x, e1x1, 1, name=f"{name}_expand1x1"), unit(x, e3x3, 3, name=f"{name}_expand3x3")]
    return layers.Concatenate(name=f"{name}_concat")(branches)


def predict(levels: Levels, net: SqueezeNet, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """A 1x1 convolution makes a map for each class, and the mean of the map is the score."""
    x = dropout(levels.last, net.dropout)
    x = layers.Conv2D(classes, 1, activation="relu", dtype=score_dtype(), name="predictions")(x)
    x = layers.GlobalAveragePooling2D(dtype=score_dtype(), name="avg_pool")(x)
    return layers.Activation(activation, dtype=score_dtype(), name="scores")(x) if activation else x


HEAD = Head(predict)
