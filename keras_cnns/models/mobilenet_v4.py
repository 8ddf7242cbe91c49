"""MobileNetV4. Qin et al. 2024, "MobileNetV4: Universal Models for the Mobile Ecosystem", 2404.10518, appendix D.

The convolutional networks; the hybrid ones, which have attention, are not here.
"""

from dataclasses import KW_ONLY, dataclass

from keras_cnns.blocks.conv import TORCH, ConvUnit, Numerics
from keras_cnns.blocks.head import dropout, predictions
from keras_cnns.blocks.mbconv import fused_mbconv
from keras_cnns.blocks.universal import universal_bottleneck
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Qin et al.", 2024, "MobileNetV4: Universal Models for the Mobile Ecosystem", "2404.10518")
CONV, FUSED, UIB = "Conv2D", "FusedIB", "UIB"
Row = tuple[str, int, int, int, int, int]
Stages = tuple[tuple[Row, ...], ...]


def extra_dw(k1: int, k2: int, expanded: int, out: int, stride: int = 1) -> Row:
    """ "ExtraDW": both depthwise convolutions."""
    return (UIB, k1, k2, expanded, out, stride)


def ib(k2: int, expanded: int, out: int) -> Row:
    """ "IB": the second depthwise convolution."""
    return (UIB, 0, k2, expanded, out, 1)


def convnext(k1: int, expanded: int, out: int) -> Row:
    """ "ConvNext": the first depthwise convolution."""
    return (UIB, k1, 0, expanded, out, 1)


def ffn(expanded: int, out: int) -> Row:
    """ "FFN": no depthwise convolution."""
    return (UIB, 0, 0, expanded, out, 1)


# the rows after the first convolution, a stage for each size of the picture:
# block, DW K1, DW K2, expanded dim, output dim, stride; of Conv2D, K1 is its kernel
CONV_S: Stages = (
    ((CONV, 3, 0, 0, 32, 2), (CONV, 1, 0, 0, 32, 1)),
    ((CONV, 3, 0, 0, 96, 2), (CONV, 1, 0, 0, 64, 1)),
    (extra_dw(5, 5, 192, 96, 2), *[ib(3, 192, 96)] * 4, convnext(3, 384, 96)),
    (
        extra_dw(3, 3, 576, 128, 2),
        extra_dw(5, 5, 512, 128),
        ib(5, 512, 128),
        ib(5, 384, 128),
        *[ib(3, 512, 128)] * 2,
    ),
    ((CONV, 1, 0, 0, 960, 1),),
)
CONV_M: Stages = (
    ((FUSED, 3, 0, 128, 48, 2),),
    (extra_dw(3, 5, 192, 80, 2), extra_dw(3, 3, 160, 80)),
    (
        extra_dw(3, 5, 480, 160, 2),
        *[extra_dw(3, 3, 640, 160)] * 2,
        extra_dw(3, 5, 640, 160),
        extra_dw(3, 3, 640, 160),
        convnext(3, 640, 160),
        ffn(320, 160),
        convnext(3, 640, 160),
    ),
    (
        extra_dw(5, 5, 960, 256, 2),
        extra_dw(5, 5, 1024, 256),
        *[extra_dw(3, 5, 1024, 256)] * 2,
        ffn(1024, 256),
        convnext(3, 1024, 256),
        extra_dw(3, 5, 512, 256),
        extra_dw(5, 5, 1024, 256),
        *[ffn(1024, 256)] * 2,
        convnext(5, 512, 256),
    ),
    ((CONV, 1, 0, 0, 960, 1),),
)
CONV_L: Stages = (
    ((FUSED, 3, 0, 96, 48, 2),),
    (extra_dw(3, 5, 192, 96, 2), extra_dw(3, 3, 384, 96)),
    (
        extra_dw(3, 5, 384, 192, 2),
        *[extra_dw(3, 3, 768, 192)] * 3,
        extra_dw(3, 5, 768, 192),
        *[extra_dw(5, 3, 768, 192)] * 5,
        convnext(3, 768, 192),
    ),
    (
        extra_dw(5, 5, 768, 512, 2),
        *[extra_dw(5, 5, 2048, 512)] * 3,
        convnext(5, 2048, 512),
        extra_dw(5, 3, 2048, 512),
        *[convnext(5, 2048, 512)] * 2,
        extra_dw(5, 3, 2048, 512),
        extra_dw(5, 5, 2048, 512),
        *[convnext(5, 2048, 512)] * 3,
    ),
    ((CONV, 1, 0, 0, 960, 1),),
)


@dataclass(frozen=True)
class MobileNetV4(Variant):
    """One network.

    Args:
      table: the rows of its table, by stages.
      stem: channels of the first convolution.
      last: channels of the 1x1 convolution after the pooling.
      stochastic_depth: rate at which whole blocks are dropped; it rises linearly from 0 to this in the last block.
    """

    table: Stages
    stem: int = 32
    last: int = 1280
    stochastic_depth: float = 0.0
    _: KW_ONLY
    numerics: Numerics = TORCH
    preprocessing: str = "torch"
    initializer: str = "he_normal"
    dropout: float = 0.2


VARIANTS = {
    "mobilenet_v4_conv_small": MobileNetV4(CONV_S),
    "mobilenet_v4_conv_medium": MobileNetV4(CONV_M, input_shape=(256, 256, 3)),
    "mobilenet_v4_conv_large": MobileNetV4(CONV_L, stem=24, input_shape=(384, 384, 3)),
}


def features(x: Tensor, net: MobileNetV4, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1, the first convolution, and C2 .. C5, the ends of the stages; C5 is the last 1x1 convolution."""
    x = unit(x, net.stem, 3, stride=2, name="stem")
    levels = {"C1": x}
    count, done = sum(map(len, net.table)), 0
    for stage, rows in enumerate(net.table, start=1):
        for i, (block, k1, k2, expanded, out, stride) in enumerate(rows, start=1):
            name, rate = f"stage{stage}_block{i}", net.stochastic_depth * done / count
            if block == CONV:
                x = unit(x, out, k1, stride=stride, name=name)
            elif block == FUSED:
                x = fused_mbconv(
                    x, out, kernel=k1, stride=stride, expand_ratio=expanded / x.shape[-1], unit=unit, name=name
                )
            else:
                x = universal_bottleneck(
                    x, out, expanded=expanded, first=k1, second=k2, stride=stride, drop_rate=rate, unit=unit, name=name
                )
            done += 1
        levels[f"C{min(stage + 1, 5)}"] = x
    return levels


def predict(levels: Levels, net: MobileNetV4, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """Average pooling precedes the last wide convolution."""
    x = layers.GlobalAveragePooling2D(keepdims=True, name="avg_pool")(levels.last)
    x = layers.Flatten(name="flatten")(unit(x, net.last, 1, name="head"))
    return predictions(dropout(x, net.dropout), classes=classes, activation=activation)


HEAD = Head(predict)
