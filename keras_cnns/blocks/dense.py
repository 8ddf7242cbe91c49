"""Densely connected blocks. Huang et al. 2016, 1608.06993, section 3."""

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.head import dropout
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor


def dense_block(
    x: Tensor, n: int, growth_rate: int, *, bottleneck: bool, drop_rate: float, unit: ConvUnit, name: str
) -> Tensor:
    """n layers, each of which reads the maps of all layers before it and adds `growth_rate` maps. Equation 2.

    [batch, height, width, channels] -> [batch, height, width, channels + n * growth_rate].

    Args:
      bottleneck: whether a 1x1 convolution with 4 * growth_rate filters stands before each 3x3 convolution ("B").
      drop_rate: of the dropout after each convolution, fraction.

    Example:
      x = dense_block(x, 6, 32, bottleneck=True, drop_rate=0.0, unit=unit, name="conv2")
    """
    for i in range(n):
        layer = f"{name}_block{i + 1}"
        y = composite(x, growth_rate, bottleneck=bottleneck, drop_rate=drop_rate, unit=unit, name=layer)
        x = layers.Concatenate(name=f"{layer}_concat")([x, y])
    return x


def composite(x: Tensor, filters: int, *, bottleneck: bool, drop_rate: float, unit: ConvUnit, name: str) -> Tensor:
    """H of equation 2: BN-ReLU-3x3, or with a bottleneck ("B") BN-ReLU-1x1-BN-ReLU-3x3. -> `filters` channels."""
    y = unit.act(unit.norm(x, name=f"{name}_0"), name=f"{name}_0")
    if bottleneck:
        y = dropout(unit.conv(y, 4 * filters, 1, name=f"{name}_1"), drop_rate, name=f"{name}_1_drop")
        y = unit.act(unit.norm(y, name=f"{name}_1"), name=f"{name}_1")
    return dropout(unit.conv(y, filters, 3, name=f"{name}_2"), drop_rate, name=f"{name}_2_drop")


def transition(x: Tensor, compression: float, *, drop_rate: float, unit: ConvUnit, name: str) -> Tensor:
    """BN-ReLU-1x1 and 2x2 average pooling, which halves height and width.

    compression: fraction of the channels that the 1x1 convolution keeps ("C", theta in the paper).
    """
    x = unit.act(unit.norm(x, name=name), name=name)
    x = unit.conv(x, int(x.shape[-1] * compression), 1, name=name)
    return layers.AveragePooling2D(2, name=f"{name}_pool")(dropout(x, drop_rate, name=f"{name}_drop"))
