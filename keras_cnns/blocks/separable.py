"""Depthwise-separable convolutions. Howard et al. 2017, 1704.04861, Fig. 3; Xception: Chollet 2016, 1610.02357."""

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor


def depthwise_separable(
    x: Tensor, filters: int, *, kernel: int = 3, stride: int = 1, unit: ConvUnit, name: str
) -> Tensor:
    """Depthwise convolution, BN, activation, 1x1 convolution, BN, activation. Howard et al. 2017, Fig. 3, right.

    [batch, height, width, channels] -> [batch, height / stride, width / stride, filters].

    Example:
      x = depthwise_separable(x, 128, stride=2, unit=unit, name="block2")  # [2, 112, 112, 64] -> [2, 56, 56, 128]
    """
    x = unit.depthwise(x, kernel, stride=stride, name=f"{name}_depthwise")
    return unit(x, filters, 1, name=f"{name}_pointwise")


def separable(x: Tensor, filters: int, *, kernel: int = 3, stride: int = 1, unit: ConvUnit, name: str) -> Tensor:
    """Depthwise and 1x1 convolution with nothing between them, then BN. Chollet 2016, section 3.

    [batch, height, width, channels] -> [batch, height / stride, width / stride, filters].
    """
    conv = layers.SeparableConv2D(
        filters,
        kernel,
        stride,
        padding="same",
        use_bias=unit.numerics.conv_bias,
        depthwise_initializer=unit.initializer,
        pointwise_initializer=unit.initializer,
        name=f"{name}_conv",
    )
    return unit.norm(conv(x), name=name)
