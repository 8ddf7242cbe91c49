"""Type aliases for what Keras leaves untyped."""

from typing import Any, TypeAlias

Recipe: TypeAlias = Any  # a `keras_cnns.training.Recipe`, for the layers below `training`
Tensor: TypeAlias = Any  # a symbolic `keras.KerasTensor`, [batch, height, width, channels] unless a docstring differs
