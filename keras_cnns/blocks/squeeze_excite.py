"""Squeeze-and-excitation. Hu et al. 2017, 1709.01507, Fig. 1 and equations 2 to 4."""

from types import EllipsisType

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor


def squeeze_excite(
    x: Tensor,
    squeezed: int,
    *,
    unit: ConvUnit,
    name: str,
    activation: str | EllipsisType | None = ...,
    gate: str = "sigmoid",
) -> Tensor:
    """Scales each channel by a gate that is computed from the means of all channels. Output as x in shape.

    Args:
      x: [batch, height, width, channels].
      squeezed: channels between the two 1x1 convolutions.
      activation: after the first convolution. Default: the unit's.
      gate: activation after the second convolution.

    Example:
      x = squeeze_excite(x, 16, unit=unit, name="block1_se")
    """
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    y = unit.act(unit.conv(y, squeezed, 1, bias=True, name=f"{name}_reduce"), activation, name=f"{name}_reduce")
    y = unit.act(unit.conv(y, x.shape[-1], 1, bias=True, name=f"{name}_expand"), gate, name=f"{name}_expand")
    return layers.Multiply(name=f"{name}_excite")([x, y])
