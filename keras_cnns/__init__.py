"""Every classic convolutional network by name, recipes that train it, and a verified file for a phone.

>>> import keras_cnns
>>> model = keras_cnns.build("efficientnet_b0", include_preprocessing=True)

Importing this package loads neither TensorFlow nor Keras; they are loaded by the first call that needs them.
"""

from keras_cnns.layers.registration import watch
from keras_cnns.support.lazy_imports import public
from keras_cnns.version import __version__  # noqa: F401

_HOMES = {
    "UserError": "support.errors",
    "build": "builder",
    "decode_predictions": "weights.imagenet",
    "info": "builder",
    "list_models": "registry.registry",
    "load_weights": "weights",
    "profile": "profiling.layer_table",
    "to_fully_convolutional": "graph.fully_convolutional",
}
_PARTS = ("blocks", "data", "insight", "models", "tasks", "tflite", "training", "weights")

__getattr__, __dir__, __all__ = public(__name__, _HOMES | dict.fromkeys(_PARTS, ""))

watch()  # `keras.saving.load_model` finds the layers that Keras does not have
