"""Networks that do not look across the batch. Kolesnikov et al. 2020, 1912.11370, section 3.2."""

from dataclasses import dataclass

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.own_layers import own
from keras_cnns.support.lazy_imports import layers


@dataclass(frozen=True)
class StandardizedUnit(ConvUnit):
    """A ConvUnit with group normalization (named `{name}_gn`) and weight standardization in every convolution."""

    groups: int = 32

    def layer(self, groups):
        return own.StandardizedConv2D

    def norm(self, x, *, name):
        """Group normalization."""
        return layers.GroupNormalization(self.groups, epsilon=self.numerics.epsilon, name=f"{name}_gn")(x)
