"""EfficientNetV2. Tan & Le 2021, "EfficientNetV2: Smaller Models and Faster Training", 2104.00298, Table 4."""

import math
from dataclasses import KW_ONLY, dataclass
from functools import partial

from keras_cnns.blocks.conv import ConvUnit, Numerics
from keras_cnns.blocks.mbconv import fused_mbconv, mbconv, round_channels
from keras_cnns.blocks.preprocessing import Preprocessing
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.types import Tensor

PAPER = Paper("Tan & Le", 2021, "EfficientNetV2: Smaller Models and Faster Training", "2104.00298")
FUSED, MBCONV = "Fused-MBConv", "MBConv"
Row = tuple[str, int, int, int, int]

# EfficientNetV2-S, stages 1 to 6, all with 3x3 kernels, MBConv with squeeze-and-excitation: operator, expand ratio,
# stride, #channels, #layers
TABLE_4: tuple[Row, ...] = (
    (FUSED, 1, 1, 24, 2),
    (FUSED, 4, 2, 48, 4),
    (FUSED, 4, 2, 64, 4),
    (MBCONV, 4, 2, 128, 6),
    (MBCONV, 6, 1, 160, 9),
    (MBCONV, 6, 2, 256, 15),
)
# the larger networks and the base of B0 to B3, from the authors' code (google/automl, effnetv2_configs.py)
M: tuple[Row, ...] = (
    (FUSED, 1, 1, 24, 3),
    (FUSED, 4, 2, 48, 5),
    (FUSED, 4, 2, 80, 5),
    (MBCONV, 4, 2, 160, 7),
    (MBCONV, 6, 1, 176, 14),
    (MBCONV, 6, 2, 304, 18),
    (MBCONV, 6, 1, 512, 5),
)
L: tuple[Row, ...] = (
    (FUSED, 1, 1, 32, 4),
    (FUSED, 4, 2, 64, 7),
    (FUSED, 4, 2, 96, 7),
    (MBCONV, 4, 2, 192, 10),
    (MBCONV, 6, 1, 224, 19),
    (MBCONV, 6, 2, 384, 25),
    (MBCONV, 6, 1, 640, 7),
)
BASE: tuple[Row, ...] = (
    (FUSED, 1, 1, 16, 1),
    (FUSED, 4, 2, 32, 2),
    (FUSED, 4, 2, 48, 2),
    (MBCONV, 4, 2, 96, 3),
    (MBCONV, 6, 1, 112, 5),
    (MBCONV, 6, 2, 192, 8),
)


@dataclass(frozen=True)
class EfficientNetV2(Variant):
    """One network.

    Args:
      table: the rows of its table.
      stem: channels of stage 0.
      width: multiplier of the channels.
      depth: multiplier of the layers.
      last: channels of the 1x1 convolution before the pooling.
      se_ratio: squeezed channels as a fraction of the block's input channels.
      drop_connect: rate at which whole blocks are dropped; it rises linearly from 0 to this in the last block.
    """

    table: tuple[Row, ...]
    stem: int
    width: float = 1.0
    depth: float = 1.0
    last: int = 1280
    se_ratio: float = 0.25
    drop_connect: float = 0.2
    _: KW_ONLY
    numerics: Numerics = Numerics(momentum=0.9)
    activation: str = "swish"
    preprocessing: str | Preprocessing = Preprocessing(scale=1 / 128, offset=-1.0)


def row(table: tuple[Row, ...], stem: int, resolution: int, dropout: float) -> EfficientNetV2:
    """A network that is not scaled."""
    return EfficientNetV2(table, stem, input_shape=(resolution, resolution, 3), dropout=dropout)


def base(width: float, depth: float, resolution: int, dropout: float) -> EfficientNetV2:
    """A row with its columns in the order in which the authors' code lists them."""
    shape = (resolution, resolution, 3)
    return EfficientNetV2(BASE, 32, width, depth, input_shape=shape, dropout=dropout, preprocessing="torch")


VARIANTS = {
    "efficientnet_v2_b0": base(1.0, 1.0, 224, 0.2),
    "efficientnet_v2_b1": base(1.0, 1.1, 240, 0.2),
    "efficientnet_v2_b2": base(1.1, 1.2, 260, 0.3),
    "efficientnet_v2_b3": base(1.2, 1.4, 300, 0.3),
    "efficientnet_v2_s": row(TABLE_4, 24, 384, 0.2),
    "efficientnet_v2_m": row(M, 24, 480, 0.3),
    "efficientnet_v2_l": row(L, 32, 480, 0.4),
}

scaled = partial(round_channels, limit=0.0)  # to the nearest multiple of 8, unlike EfficientNet's


def features(x: Tensor, net: EfficientNetV2, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 .. C4, the inputs of the strided blocks, and C5, the output of the last 1x1 convolution."""
    x = unit(x, scaled(net.stem * net.width), 3, stride=2, name="stem")
    depths, done = layers_per_stage(net), 0
    levels: dict[str, Tensor] = {}
    for stage, ((operator, expand_ratio, s, channels, _), depth) in enumerate(
        zip(net.table, depths, strict=True), start=1
    ):
        for i in range(depth):
            stride = s if i == 0 else 1
            if stride == 2:
                levels[f"C{len(levels) + 1}"] = x
            block = fused_mbconv
            if operator == MBCONV:
                block = partial(mbconv, squeezed=max(1, int(x.shape[-1] * net.se_ratio)) if net.se_ratio else 0)
            x = block(
                x,
                scaled(channels * net.width),
                stride=stride,
                expand_ratio=expand_ratio,
                drop_rate=net.drop_connect * done / sum(depths),
                unit=unit,
                name=f"stage{stage}_block{i + 1}",
            )
            done += 1
    x = unit(x, scaled(net.last * net.width), 1, name="last")
    return levels | {f"C{len(levels) + 1}": x}


def layers_per_stage(net: EfficientNetV2) -> list[int]:
    """The numbers of layers in the table, scaled by `net.depth` and rounded up."""
    return [math.ceil(n * net.depth) for *_, n in net.table]


HEAD = GLOBAL_POOLING
