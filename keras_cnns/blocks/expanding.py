"""The expanding path of U-Net. Ronneberger et al. 2015, 1505.04597, section 2 and Fig. 1."""

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor


def expanded(x: Tensor, skip: Tensor | None, filters: int, factor: int, *, unit: ConvUnit, name: str) -> Tensor:
    """x enlarged by an up-convolution, joined with a finer level, and two 3x3 convolutions.

    [batch, height, width, channels] -> [batch, factor * height, factor * width, filters].

    Args:
      skip: the finer level [batch, factor * height, factor * width, any channels]; None for none.
      factor: how much larger the output is; also the kernel of the up-convolution.

    Example:
      x = expanded(x, levels["C3"], 64, 2, unit=unit, name="up3")  # [2, 7, 7, 128] -> [2, 14, 14, 64]
    """
    x = layers.Conv2DTranspose(filters, factor, factor, kernel_initializer=unit.initializer, name=f"{name}_enlarge")(x)
    x = x if skip is None else layers.Concatenate(name=f"{name}_concat")([skip, x])
    return double(x, filters, unit=unit, name=name)


def double(x: Tensor, filters: int, *, unit: ConvUnit, name: str) -> Tensor:
    """Two 3x3 convolutions: [batch, height, width, channels] -> [batch, height, width, filters]."""
    return unit(unit(x, filters, 3, name=f"{name}_1"), filters, 3, name=f"{name}_2")
