# Written by `python -m keras_cnns.maintenance.stubs`.
from .write import report as report

__all__ = [
    "report",
]
