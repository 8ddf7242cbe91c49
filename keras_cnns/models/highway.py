"""Highway networks for 32x32 pictures. Srivastava et al. 2015, "Training Very Deep Networks", 1507.06228, Table 2.

The paper gives layers and parameters (about 236 K, 2.3 M and 1.25 M). The stages of the 19 layers are those of the
network that the authors published; those of the other two were chosen here, in its manner, to meet the figures.
"""

from dataclasses import KW_ONLY, dataclass

from keras_cnns.blocks.head import dropout
from keras_cnns.blocks.highway import highway
from keras_cnns.family.protocol import Paper, Variant
from keras_cnns.support.lazy_imports import layers

PAPER = Paper("Srivastava et al.", 2015, "Training Very Deep Networks", "1507.06228")


@dataclass(frozen=True)
class Highway(Variant):
    """stages: channels and layers of each; its first layer is plain, as channels change there. last: maps of the 1x1.

    gate_bias: of the transform gates at the start. drop_rate: of dropout before the stages.
    """

    stages: tuple
    last: int = 100
    gate_bias: float = -2.0
    drop_rate: float = 0.2
    _: KW_ONLY
    preprocessing: str = "torch"
    input_shape: tuple = (32, 32, 3)
    classes: int = 10
    min_size: int = 8
    dropout: float = 0.2


VARIANTS = {
    "highway11_cifar": Highway(((16, 3), (32, 3), (64, 3)), last=250),
    "highway19_cifar": Highway(((32, 5), (80, 6), (128, 6))),
    "highway32_cifar": Highway(((32, 10), (48, 10), (64, 10))),
}


def features(x, net, unit):
    """Levels C0 (the picture's own size), C1 and C2: the three stages, and after the last the 1x1 convolution."""
    levels, n = {}, 0
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
