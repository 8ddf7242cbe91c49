"""Classic convolutional networks by name, recipes that train them, and verified `.tflite` files for devices.

>>> import keras_cnns
>>> model = keras_cnns.build("efficientnet_b0", include_preprocessing=True)

Importing this package loads neither TensorFlow nor Keras; the first call that needs them does. The layers that Keras
does not have are registered with Keras by `keras_cnns.build`, `keras_cnns.load_model` and `keras_cnns.layers`.
"""

from keras_cnns.support.lazy_imports import public
from keras_cnns.version import __version__  # noqa: F401

_HOMES = {
    "BadArgument": "support.errors",
    "Card": "saving.card",
    "NotInstalled": "support.errors",
    "RejectedExport": "support.errors",
    "UnreadableFile": "support.errors",
    "UnsupportedModel": "support.errors",
    "UserError": "support.errors",
    "build": "builder",
    "decode_predictions": "weights.imagenet",
    "info": "builder",
    "list_models": "registry.registry",
    "load_model": "saving.keras_file",
    "load_weights": "weights",
    "predict": "inference.predict",
    "profile": "profiling.layer_table",
    "read_card": "saving.card",
    "to_fully_convolutional": "graph.fully_convolutional",
}
_PARTS = ("blocks", "data", "insight", "layers", "models", "tasks", "testing", "tflite", "training", "weights")

__getattr__, __dir__, __all__ = public(__name__, _HOMES | dict.fromkeys(_PARTS, ""))
