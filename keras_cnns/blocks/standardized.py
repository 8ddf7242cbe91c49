"""Group normalization and weight standardization, as in BiT. Kolesnikov et al. 2020, 1912.11370, section 3.2."""

from dataclasses import dataclass

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.own_layers import own
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor


@dataclass(frozen=True)
class StandardizedUnit(ConvUnit):
    """A ConvUnit with group normalization and with weight standardization in every convolution.

    Neither uses statistics of the batch. The normalization layers are named `{name}_gn`.

    Args:
      groups: groups of channels that are normalized together.
    """

    groups: int = 32

    def layer(self, groups: int) -> type:
        return own.StandardizedConv2D

    def norm(self, x: Tensor, *, name: str) -> Tensor:
        """Group normalization, named `{name}_gn`."""
        return layers.GroupNormalization(self.groups, epsilon=self.numerics.epsilon, name=f"{name}_gn")(x)
