# Written by `python -m keras_cnns.maintenance.stubs`.
from .augment.settings import Augment as Augment
from .batches import Data as Data
from .pictures import read_picture as read_picture
from .pipeline import load as load
from .pipeline import load_arrays as load_arrays
from .sources.sample import Sample as Sample
from .sources.source import Source as Source

__all__ = [
    "load",
    "load_arrays",
    "read_picture",
    "Data",
    "Augment",
    "Sample",
    "Source",
]
