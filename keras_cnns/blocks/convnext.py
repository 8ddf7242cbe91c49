"""The ConvNeXt block. Liu et al. 2022, 2201.03545, Fig. 4; version 2: Woo et al. 2023, 2301.00808, Fig. 5."""

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.mbconv import add
from keras_cnns.blocks.own_layers import own
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor


def convnext_block(
    x: Tensor, *, layer_scale: float = 1e-6, grn: bool = False, drop_rate: float = 0.0, unit: ConvUnit, name: str
) -> Tensor:
    """7x7 depthwise convolution, layer normalization, 1x1 convolution to 4 times the channels, activation, and back.

    [batch, height, width, channels] -> the same shape; the input is added.

    Args:
      layer_scale: initial factor of the channels that are added; 0 for no factors.
      grn: whether global response normalization follows the activation, as in version 2.
      drop_rate: probability that stochastic depth skips the block for a picture in training.

    Example:
      x = convnext_block(x, unit=unit, name="stage1_block1")  # [2, 56, 56, 96] -> [2, 56, 56, 96]
    """
    width, y = x.shape[-1], x
    y = layers.DepthwiseConv2D(
        7, padding="same", depthwise_initializer=unit.initializer, name=f"{name}_depthwise_conv"
    )(y)
    y = layer_norm(y, unit, name=f"{name}_norm")
    y = unit.act(unit.conv(y, 4 * width, 1, bias=True, name=f"{name}_expand"), name=f"{name}_expand")
    if grn:
        y = own.GlobalResponseNormalization(name=f"{name}_grn")(y)
    y = unit.conv(y, width, 1, bias=True, name=f"{name}_project")
    if layer_scale:
        y = own.LayerScale(layer_scale, name=f"{name}_scale")(y)
    return add(x, y, drop_rate, name=name)


def layer_norm(x: Tensor, unit: ConvUnit, *, name: str) -> Tensor:
    """Layer normalization over the channels of each position, with the epsilon of the numerics."""
    return layers.LayerNormalization(epsilon=unit.numerics.epsilon, name=name)(x)
