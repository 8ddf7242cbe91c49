"""Weights from files of many libraries: downloads, reads, renames, fits and assigns them."""

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
