# Written by `python -m keras_cnns.maintenance.stubs`.
from .assignment import assign as assign
from .catalog import published as published
from .formats.readers import read as read
from .imagenet import decode_predictions as decode_predictions
from .load import load_weights as load_weights

__all__ = [
    "load_weights",
    "published",
    "decode_predictions",
    "assign",
    "read",
]
