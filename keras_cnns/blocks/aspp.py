"""Atrous spatial pyramid pooling. Chen et al. 2017, 1706.05587, Fig. 5; separable: Chen et al. 2018, 1802.02611."""

from collections.abc import Sequence

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.pixels import resize_like
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor


def aspp(
    x: Tensor, filters: int, rates: Sequence[int], *, separable: bool = False, unit: ConvUnit, name: str
) -> Tensor:
    """Convolutions of several dilations and the mean of the picture side by side, joined by a 1x1 convolution.

    [batch, height, width, channels] -> [batch, height, width, filters].

    Args:
      rates: dilations of the 3x3 convolutions.
      separable: the 3x3 convolutions are depthwise separable.

    Example:
      x = aspp(x, 256, (12, 24, 36), unit=unit, name="aspp")  # [2, 65, 65, 2048] -> [2, 65, 65, 256]
    """
    conv = separable_conv if separable else _conv
    parts = [unit(x, filters, 1, name=f"{name}0")]
    parts += [conv(x, filters, dilation=rate, unit=unit, name=f"{name}{i}") for i, rate in enumerate(rates, start=1)]
    mean = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_pool")(x)
    mean = unit(mean, filters, 1, name=f"{name}_mean")
    parts.append(resize_like(mean, x, name=f"{name}_resize"))
    return unit(layers.Concatenate(name=f"{name}_concat")(parts), filters, 1, name=f"{name}_project")


def separable_conv(x: Tensor, filters: int, *, dilation: int = 1, unit: ConvUnit, name: str) -> Tensor:
    """Depthwise 3x3 convolution and 1x1 convolution, each with normalization and activation."""
    return unit(unit.depthwise(x, 3, dilation=dilation, name=f"{name}_depthwise"), filters, 1, name=f"{name}_pointwise")


def _conv(x: Tensor, filters: int, *, dilation: int, unit: ConvUnit, name: str) -> Tensor:
    return unit(x, filters, 3, dilation=dilation, name=name)
