"""`own`: the package `keras_cnns.layers`, imported at its first use because it loads Keras.

from keras_cnns.blocks.own_layers import own

x = own.GroupedConv2D(64, 3, groups=32)(x)
"""

from typing import TYPE_CHECKING

from keras_cnns.support.lazy_imports import LazyModule

if TYPE_CHECKING:
    from keras_cnns import layers as own
else:
    own = LazyModule("keras_cnns.layers")

__all__ = ["own"]
