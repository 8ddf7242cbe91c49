"""Highway networks for 32x32 pictures. Srivastava et al. 2015, "Training Very Deep Networks", 1507.06228, Table 2.

The paper gives the numbers of layers and of parameters (about 236 K, 2.3 M and 1.25 M). The stages of the network with
19 layers are those of the authors' code. Those of the other two are chosen to match the paper's figures.
"""

from dataclasses import KW_ONLY, dataclass

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.head import dropout
from keras_cnns.blocks.highway import highway
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Srivastava et al.", 2015, "Training Very Deep Networks", "1507.06228")


@dataclass(frozen=True)
class Highway(Variant):
    """One column of Table 2.

    Args:
      stages: channels and layers of each stage. Its first layer changes the channels, and so is a plain convolution.
      last: channels of the last 1x1 convolution.
      gate_bias: initial bias of the transform gates.
      drop_rate: rate of the dropout before each stage.
    """

    stages: tuple[tuple[int, int], ...]
    last: int = 100
    gate_bias: float = -2.0
    drop_rate: float = 0.2
    _: KW_ONLY
    preprocessing: str = "torch"
    input_shape: tuple[int, int, int] = (32, 32, 3)
    classes: int = 10
    min_size: int = 8
    dropout: float = 0.2


VARIANTS = {
    "highway11_cifar": Highway(((16, 3), (32, 3), (64, 3)), last=250),
    "highway19_cifar": Highway(((32, 5), (80, 6), (128, 6))),
    "highway32_cifar": Highway(((32, 10), (48, 10), (64, 10))),
}


def features(x: Tensor, net: Highway, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C0 (the size of the picture), C1 and C2: the three stages, the last one after its 1x1 convolution."""
    n = 0
    levels: dict[str, Tensor] = {}
    for level, (channels, depth) in enumerate(net.stages):
        if level:
            x = layers.MaxPooling2D(2, name=f"pool{level}")(x)
        x = dropout(x, net.drop_rate, name=f"drop{level + 1}")
        for i in range(depth):
            n += 1
            if i == 0:
                x = unit.act(unit.conv(x, channels, 3, bias=True, name=f"conv{n}"), name=f"conv{n}")
            else:
                x = highway(x, gate_bias=net.gate_bias, unit=unit, name=f"conv{n}")
        levels[f"C{level}"] = x
    x = unit.act(unit.conv(x, net.last, 1, bias=True, name=f"conv{n + 1}"), name=f"conv{n + 1}")
    return levels | {f"C{level}": x}


HEAD = GLOBAL_POOLING
