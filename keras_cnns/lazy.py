"""Keras, imported at its first use.

Listing the models and reading their tables must not cost the seconds that Keras and its backend take to
load, so blocks and models say `from keras_cnns.lazy import layers` where others say `from keras import layers`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras
    from keras import layers, ops
else:

    class _Lazy:
        def __init__(self, module):
            self._module = module

        def __getattr__(self, name):
            return getattr(import_module(self._module), name)

    keras, layers, ops = _Lazy("keras"), _Lazy("keras.layers"), _Lazy("keras.ops")

__all__ = ["keras", "layers", "ops"]
