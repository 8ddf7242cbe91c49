"""Weights from anywhere: fetched, read, renamed, fitted, assigned strictly."""

from keras_cnns.support.lazy_imports import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "load_weights": "load",
        "published": "catalog",
        "decode_predictions": "imagenet",
        "assign": "assignment",
        "read": "formats.readers",
    },
)
