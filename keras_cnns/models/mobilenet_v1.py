"""MobileNet. Howard et al. 2017, "MobileNets: Efficient Convolutional Neural Networks ...", 1704.04861, Table 1."""

from dataclasses import KW_ONLY, dataclass

from keras_cnns.blocks.conv import ConvUnit, Numerics
from keras_cnns.blocks.separable import depthwise_separable
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.types import Tensor

PAPER = Paper(
    "Howard et al.",
    2017,
    "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
    "1704.04861",
)

# Table 1, a pair for each depthwise separable convolution: stride of the depthwise part, channels of the 1x1 part
TABLE_1 = ((1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), *[(1, 512)] * 5, (2, 1024), (1, 1024))


@dataclass(frozen=True)
class MobileNetV1(Variant):
    """One network.

    Args:
      width: the paper's width multiplier alpha. The resolution multiplier rho is the `input_shape`.
      table: the rows of Table 1.
      stem: channels of the first convolution.
    """

    width: float = 1.0
    table: tuple[tuple[int, int], ...] = TABLE_1
    stem: int = 32
    _: KW_ONLY
    numerics: Numerics = Numerics(depthwise_padding="end")
    activation: str = "relu6"
    dropout: float = 1e-3


VARIANTS = {"mobilenet_v1": MobileNetV1()}


def features(x: Tensor, net: MobileNetV1, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 .. C4, the inputs of the strided blocks, and C5, the output of the last block."""
    x = unit(x, int(net.stem * net.width), 3, stride=2, name="conv1")
    levels: dict[str, Tensor] = {}
    for i, (stride, filters) in enumerate(net.table, start=1):
        if stride == 2:
            levels[f"C{len(levels) + 1}"] = x
        x = depthwise_separable(x, int(filters * net.width), stride=stride, unit=unit, name=f"block{i}")
    return levels | {f"C{len(levels) + 1}": x}


HEAD = GLOBAL_POOLING
