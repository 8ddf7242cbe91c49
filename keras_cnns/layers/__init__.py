"""Layers Keras does not have, each loaded - and with it registered for `keras.saving.load_model` - at its first use.

`register()` loads them all; registration.py calls it as soon as there is a Keras to register with.
"""

from importlib import import_module

from keras_cnns.lazy import public

_HOMES = {
    "AdaptivePooling2D": "adaptive_pooling",
    "EuclideanRBF": "euclidean_rbf",
    "GroupedConv2D": "grouped",
    "LocalContrastNormalization": "local_contrast",
    "LocalResponseNormalization": "local_response",
    "StandardizedConv2D": "standardized",
    "TableConv2D": "table_conv",
    "WeightedPooling2D": "weighted_pooling",
}

__getattr__, __dir__, __all__ = public(__name__, _HOMES)


def register():
    """Loads every layer of this package, which registers it with Keras."""
    for home in _HOMES.values():
        import_module(f"keras_cnns.layers.{home}")
