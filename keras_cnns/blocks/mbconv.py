"""Mobile inverted bottleneck. Sandler et al. 2018, 1801.04381, Fig. 4d; with SE: Tan et al. 2018, 1807.11626.

Fused: Tan & Le 2021, 2104.00298, Fig. 2.
"""

from collections.abc import Callable

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.squeeze_excite import squeeze_excite
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor


def mbconv(
    x: Tensor,
    filters: int,
    *,
    kernel: int = 3,
    stride: int = 1,
    expand_ratio: float = 6,
    squeezed: int = 0,
    se: Callable[..., Tensor] = squeeze_excite,
    drop_rate: float = 0.0,
    dilation: int = 1,
    kept: bool = False,
    unit: ConvUnit,
    name: str,
) -> Tensor:
    """1x1 convolution that expands, depthwise convolution, optional squeeze-and-excitation, linear 1x1 convolution.

    [batch, height, width, channels] -> [batch, height / stride, width / stride, filters]. The input is added if the
    output has its shape.

    Args:
      kernel, stride: of the depthwise convolution.
      expand_ratio: expanded channels / input channels; the product is rounded to a multiple of 8. With 1 there is no
        expanding convolution.
      squeezed: channels inside squeeze-and-excitation; 0 for none.
      se: the function that builds squeeze-and-excitation.
      drop_rate: probability that stochastic depth skips the block for a picture in training.
      dilation: of the depthwise convolution.
      kept: whether dilation replaces the stride, see `blocks.strides`.

    Example:
      x = mbconv(x, 24, stride=2, unit=unit, name="block2")  # [2, 112, 112, 16] -> [2, 56, 56, 24]
    """
    has_shortcut = stride == 1 and x.shape[-1] == filters  # a replaced stride (`kept`) has no shortcut either
    stride = 1 if kept else stride
    channels, y = x.shape[-1], x
    if expand_ratio != 1:
        y = unit(y, round_channels(channels * expand_ratio), 1, name=f"{name}_expand")
    y = unit.depthwise(y, kernel, stride=stride, dilation=dilation, name=f"{name}_depthwise")
    if squeezed:
        y = se(y, squeezed, unit=unit, name=f"{name}_se")
    y = unit(y, filters, 1, activation=None, name=f"{name}_project")
    return add(x, y, drop_rate, name=name) if has_shortcut else y


def fused_mbconv(
    x: Tensor,
    filters: int,
    *,
    kernel: int = 3,
    stride: int = 1,
    expand_ratio: float = 4,
    drop_rate: float = 0.0,
    unit: ConvUnit,
    name: str,
) -> Tensor:
    """The block with one convolution in place of the expanding and the depthwise one. Tan & Le 2021, Fig. 2, right.

    [batch, height, width, channels] -> [batch, height / stride, width / stride, filters]. With expand_ratio 1 that is
    the only convolution, and an activation follows it. The input is added if the output has its shape.

    Args:
      kernel, stride: of the expanding convolution.
      expand_ratio: expanded channels / input channels.
      drop_rate: probability that stochastic depth skips the block for a picture in training.

    Example:
      x = fused_mbconv(x, 48, stride=2, unit=unit, name="stage2_block1")  # [2, 96, 96, 24] -> [2, 48, 48, 48]
    """
    channels, y = x.shape[-1], x
    if expand_ratio == 1:
        y = unit(y, filters, kernel, stride=stride, name=f"{name}_project")
    else:
        y = unit(y, round_channels(channels * expand_ratio), kernel, stride=stride, name=f"{name}_expand")
        y = unit(y, filters, 1, activation=None, name=f"{name}_project")
    return add(x, y, drop_rate, name=name) if stride == 1 and channels == filters else y


def add(x: Tensor, y: Tensor, drop_rate: float, *, name: str) -> Tensor:
    """x + y, where stochastic depth drops y with probability `drop_rate` in training."""
    return layers.Add(name=f"{name}_add")([x, drop_path(y, drop_rate, name=f"{name}_drop")])


def drop_path(x: Tensor, rate: float, *, name: str) -> Tensor:
    """Stochastic depth: x is zeroed for a whole picture with probability `rate`, or divided by 1 - rate, in training.

    Huang et al. 2016, 1603.09382.
    """
    return layers.Dropout(rate, noise_shape=(None, 1, 1, 1), name=name)(x) if rate else x


def round_channels(channels: float, divisor: int = 8, limit: float = 0.9) -> int:
    """The nearest multiple of `divisor` that is at least `divisor` and at least `limit` times `channels`."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < limit * channels else rounded
