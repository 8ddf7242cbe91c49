"""Type aliases for what Keras leaves untyped."""

from typing import Any, TypeAlias

Tensor: TypeAlias = Any  # a symbolic `keras.KerasTensor`, [batch, height, width, channels] unless a docstring differs
