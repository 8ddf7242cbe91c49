"""MobileNetV3. Howard et al. 2019, "Searching for MobileNetV3", 1905.02244, Tables 1 and 2."""

from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from typing import Any

from keras_cnns.blocks.conv import ConvUnit, Numerics
from keras_cnns.blocks.head import dropout, predictions
from keras_cnns.blocks.mbconv import mbconv, round_channels
from keras_cnns.blocks.squeeze_excite import squeeze_excite
from keras_cnns.blocks.strides import Strides
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Howard et al.", 2019, "Searching for MobileNetV3", "1905.02244")
RE, HS = "relu", "hard_swish"
SE, NO_SE = True, False

# kernel, exp size, #out, SE, NL, s
TABLE_1 = (
    (3, 16, 16, NO_SE, RE, 1),
    (3, 64, 24, NO_SE, RE, 2),
    (3, 72, 24, NO_SE, RE, 1),
    (5, 72, 40, SE, RE, 2),
    (5, 120, 40, SE, RE, 1),
    (5, 120, 40, SE, RE, 1),
    (3, 240, 80, NO_SE, HS, 2),
    (3, 200, 80, NO_SE, HS, 1),
    (3, 184, 80, NO_SE, HS, 1),
    (3, 184, 80, NO_SE, HS, 1),
    (3, 480, 112, SE, HS, 1),
    (3, 672, 112, SE, HS, 1),
    (5, 672, 160, SE, HS, 2),
    (5, 960, 160, SE, HS, 1),
    (5, 960, 160, SE, HS, 1),
)
TABLE_2 = (
    (3, 16, 16, SE, RE, 2),
    (3, 72, 24, NO_SE, RE, 2),
    (3, 88, 24, NO_SE, RE, 1),
    (5, 96, 40, SE, HS, 2),
    (5, 240, 40, SE, HS, 1),
    (5, 240, 40, SE, HS, 1),
    (5, 120, 48, SE, HS, 1),
    (5, 144, 48, SE, HS, 1),
    (5, 288, 96, SE, HS, 2),
    (5, 576, 96, SE, HS, 1),
    (5, 576, 96, SE, HS, 1),
)


@dataclass(frozen=True)
class MobileNetV3(Variant):
    """One network.

    Args:
      table: the rows of Table 1 or 2.
      last: units of the layer before the class scores.
      width: the width multiplier, not applied to the stem.
      stem: channels of the first convolution.
      minimalistic: ReLU and 3x3 kernels throughout and no squeeze-and-excitation, a variant of the authors' code.
      output_stride: how much smaller than the picture the last level is: 8, 16 or 32 (section 6.4). Blocks that would
        exceed it are dilated instead of strided.
      dilate_strided: see `blocks.strides.Strides`.
    """

    table: tuple[tuple[Any, ...], ...]
    last: int
    width: float = 1.0
    stem: int = 16
    minimalistic: bool = False
    output_stride: int = 32
    dilate_strided: bool = False
    _: KW_ONLY
    numerics: Numerics = Numerics(momentum=0.999)
    activation: str = HS
    dropout: float = 0.2


def minimalistic(table: tuple[tuple[Any, ...], ...], last: int) -> MobileNetV3:
    """A row of the authors' minimalistic networks."""
    return MobileNetV3(table, last, minimalistic=True, activation=RE)


VARIANTS = {
    "mobilenet_v3_small": MobileNetV3(TABLE_2, 1024),
    "mobilenet_v3_large": MobileNetV3(TABLE_1, 1280),
    "mobilenet_v3_small_minimalistic": minimalistic(TABLE_2, 1024),
    "mobilenet_v3_large_minimalistic": minimalistic(TABLE_1, 1280),
}

hard_gate = partial(squeeze_excite, activation=RE, gate="hard_sigmoid")  # section 5.2 and 5.3


def features(x: Tensor, net: MobileNetV3, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 .. C4, the inputs of the strided blocks, and C5, the output of the last 1x1 convolution."""
    x = unit(x, net.stem, 3, stride=2, name="stem")
    levels: dict[str, Tensor] = {}
    strides = Strides(net.output_stride, net.dilate_strided)
    strides(2)
    published = net.stem  # input channels in the published table, to which exp size is the expansion ratio
    for i, (kernel, exp_size, out, se, nl, stride) in enumerate(net.table, start=1):
        if stride == 2:
            levels[f"C{len(levels) + 1}"] = x
        expanded = round_channels(x.shape[-1] * exp_size / published)
        x = mbconv(
            x,
            round_channels(out * net.width),
            kernel=3 if net.minimalistic else kernel,
            stride=stride,
            expand_ratio=exp_size / published,
            squeezed=round_channels(expanded / 4) if se and not net.minimalistic else 0,
            se=hard_gate,
            unit=unit if net.minimalistic else replace(unit, activation=nl),
            name=f"block{i}",
            **strides(stride),
        )
        published = out
    x = unit(x, round_channels(x.shape[-1] * 6), 1, name="last")
    return levels | {f"C{len(levels) + 1}": x}


def predict(levels: Levels, net: MobileNetV3, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """Average pooling precedes the last wide layer, which then costs next to nothing (section 5.1)."""
    x = layers.GlobalAveragePooling2D(name="avg_pool")(levels.last)
    x = layers.Dense(round_channels(net.last * max(1.0, net.width)), name="head")(x)
    x = dropout(unit.act(x, name="head"), net.dropout)
    return predictions(x, classes=classes, activation=activation)


HEAD = Head(predict)
