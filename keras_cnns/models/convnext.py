"""ConvNeXt. Liu et al. 2022, "A ConvNet for the 2020s", 2201.03545, section 3 and Table 5."""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from keras_cnns.blocks.conv import ConvUnit, Numerics
from keras_cnns.blocks.convnext import convnext_block, layer_norm
from keras_cnns.blocks.head import dropout, predictions
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Liu et al.", 2022, "A ConvNet for the 2020s", "2201.03545")
TRUNCATED = {"class_name": "TruncatedNormal", "config": {"mean": 0.0, "stddev": 0.02}}


@dataclass(frozen=True)
class ConvNeXt(Variant):
    """One network.

    Args:
      C: channels of the four stages.
      B: blocks of the four stages.
      stochastic_depth: rate at which whole blocks are dropped; it rises linearly from 0 to this in the last block.
      layer_scale: initial factor of the channels that a block adds; 0 for no factors.
      grn: whether the blocks have global response normalization (version 2).
    """

    C: tuple[int, ...]
    B: tuple[int, ...]
    stochastic_depth: float = 0.0
    layer_scale: float = 1e-6
    grn: bool = False
    _: KW_ONLY
    numerics: Numerics = Numerics(epsilon=1e-6)
    activation: str = "gelu"
    initializer: str | dict[str, Any] = field(default_factory=lambda: TRUNCATED)
    preprocessing: str = "torch"


VARIANTS = {
    "convnext_tiny": ConvNeXt((96, 192, 384, 768), (3, 3, 9, 3), 0.1),
    "convnext_small": ConvNeXt((96, 192, 384, 768), (3, 3, 27, 3), 0.4),
    "convnext_base": ConvNeXt((128, 256, 512, 1024), (3, 3, 27, 3), 0.5),
    "convnext_large": ConvNeXt((192, 384, 768, 1536), (3, 3, 27, 3), 0.5),
    "convnext_xlarge": ConvNeXt((256, 512, 1024, 2048), (3, 3, 27, 3), 0.5),
}


def features(x: Tensor, net: ConvNeXt, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C2 .. C5, the outputs of the stages. No level has half the picture's size."""
    levels: dict[str, Tensor] = {}
    rates = drop_rates(net)
    for stage, (channels, depth) in enumerate(zip(net.C, net.B, strict=True), start=1):
        if stage == 1:
            x = unit.conv(x, channels, 4, stride=4, bias=True, padding="valid", name="stem")
            x = layer_norm(x, unit, name="stem_norm")
        else:
            x = layer_norm(x, unit, name=f"stage{stage}_down_norm")
            x = unit.conv(x, channels, 2, stride=2, bias=True, padding="valid", name=f"stage{stage}_down")
        for i in range(depth):
            x = convnext_block(
                x,
                layer_scale=net.layer_scale,
                grn=net.grn,
                drop_rate=next(rates),
                unit=unit,
                name=f"stage{stage}_block{i + 1}",
            )
        levels[f"C{stage + 1}"] = x
    return levels


def drop_rates(net: ConvNeXt) -> Iterator[float]:
    """The rate of each block: from 0 to `net.stochastic_depth`, in equal steps."""
    last = max(sum(net.B) - 1, 1)
    return (net.stochastic_depth * i / last for i in range(sum(net.B)))


def predict(levels: Levels, net: ConvNeXt, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """Layer normalization follows the average pooling."""
    x = layers.GlobalAveragePooling2D(name="avg_pool")(levels.last)
    x = dropout(layer_norm(x, unit, name="head_norm"), net.dropout)
    return predictions(x, classes=classes, activation=activation)


HEAD = Head(predict)
