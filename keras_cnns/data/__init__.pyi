# Written by `python -m keras_cnns.maintenance.stubs`.
from .augment.settings import Augment as Augment
from .pictures import read_picture as read_picture
from .pipeline import Data as Data
from .pipeline import load as load
from .pipeline import load_arrays as load_arrays

__all__ = [
    "load",
    "load_arrays",
    "read_picture",
    "Data",
    "Augment",
]
