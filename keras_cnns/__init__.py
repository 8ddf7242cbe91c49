"""Every classic convolutional network by name, recipes that train it, and a verified file for a phone.

>>> import keras_cnns
>>> model = keras_cnns.build("efficientnet_b0", include_preprocessing=True)

Importing this package loads neither TensorFlow nor Keras; they are loaded by the first call that needs them.
"""

from importlib import import_module

from keras_cnns.layers.registration import watch

__version__ = "0.1.0"

_HOMES = {
    "UserError": "errors",
    "build": "registry",
    "info": "registry",
    "list_models": "registry",
    "load_weights": "weights",
}
_PARTS = ("blocks", "insight", "models", "tflite", "training", "weights")

__all__ = ["__version__", *_HOMES, *_PARTS]


watch()  # `keras.saving.load_model` finds the layers that Keras does not have


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(f"keras_cnns.{_HOMES[name]}"), name)
    if name in _PARTS:
        return import_module(f"keras_cnns.{name}")
    raise AttributeError(f"module 'keras_cnns' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
