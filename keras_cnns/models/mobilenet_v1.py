"""MobileNet. Howard et al. 2017, "MobileNets: Efficient Convolutional Neural Networks ...", 1704.04861, Table 1."""

from dataclasses import KW_ONLY, dataclass

from keras_cnns.blocks.conv import Numerics
from keras_cnns.blocks.separable import depthwise_separable
from keras_cnns.family.protocol import Paper, Variant

PAPER = Paper(
    "Howard et al.",
    2017,
    "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
    "1704.04861",
)

# Table 1, one pair a depthwise-separable convolution: stride of the depthwise part, channels of the 1x1 part
TABLE_1 = ((1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), *[(1, 512)] * 5, (2, 1024), (1, 1024))


@dataclass(frozen=True)
class MobileNetV1(Variant):
    """width: the paper's multiplier alpha. The resolution multiplier rho is the `input_shape`."""

    width: float = 1.0
    table: tuple = TABLE_1
    stem: int = 32
    _: KW_ONLY
    numerics: Numerics = Numerics(depthwise_padding="end")
    activation: str = "relu6"
    dropout: float = 1e-3


VARIANTS = {"mobilenet_v1": MobileNetV1()}


def features(x, net, unit):
    """Levels C1 .. C5: what enters the next stride, and the end."""
    x = unit(x, int(net.stem * net.width), 3, stride=2, name="conv1")
    levels = {}
    for i, (stride, filters) in enumerate(net.table, start=1):
        if stride == 2:
            levels[f"C{len(levels) + 1}"] = x
        x = depthwise_separable(x, int(filters * net.width), stride=stride, unit=unit, name=f"block{i}")
    return levels | {f"C{len(levels) + 1}": x}
