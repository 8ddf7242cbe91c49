"""MobileNetV2. Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 1801.04381, Table 2."""

from dataclasses import KW_ONLY, dataclass

from keras_cnns.blocks.conv import ConvUnit, Numerics
from keras_cnns.blocks.mbconv import mbconv, round_channels
from keras_cnns.blocks.strides import Strides
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.types import Tensor

PAPER = Paper("Sandler et al.", 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", "1801.04381")

# expansion factor t, channels c, repeats n, stride s of the first repeat
TABLE_2 = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


@dataclass(frozen=True)
class MobileNetV2(Variant):
    """One network.

    Args:
      width: the width multiplier alpha. Below 1 it is not applied to the last convolution.
      table: the rows of Table 2.
      stem: channels of the first convolution.
      last: channels of the last 1x1 convolution.
      output_stride: how much smaller than the picture the last level is: 8, 16 or 32 (section 6.3). Stages that would
        exceed it are dilated instead of strided.
    """

    width: float = 1.0
    table: tuple[tuple[int, int, int, int], ...] = TABLE_2
    stem: int = 32
    last: int = 1280
    output_stride: int = 32
    _: KW_ONLY
    numerics: Numerics = Numerics(momentum=0.999)
    activation: str = "relu6"


VARIANTS = {"mobilenet_v2": MobileNetV2()}


def features(x: Tensor, net: MobileNetV2, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 .. C4, the inputs of the strided blocks, and C5, the output of the last 1x1 convolution."""
    x = unit(x, round_channels(net.stem * net.width), 3, stride=2, name="stem")
    levels: dict[str, Tensor] = {}
    strides = Strides(net.output_stride)
    strides(2)
    for stage, (t, c, n, s) in enumerate(net.table, start=1):
        for i in range(n):
            stride = s if i == 0 else 1
            if stride == 2:
                levels[f"C{len(levels) + 1}"] = x
            filters, options = round_channels(int(c * net.width)), {"expand_ratio": t, **strides(stride)}
            x = mbconv(x, filters, stride=stride, unit=unit, name=f"stage{stage}_block{i + 1}", **options)
    x = unit(x, round_channels(net.last * max(1.0, net.width)), 1, name="last")
    return levels | {f"C{len(levels) + 1}": x}


HEAD = GLOBAL_POOLING
