# Written by `python -m keras_cnns.maintenance.stubs`.
from .classification import Classification as Classification
from .detection import Detection as Detection
from .registry import TASKS as TASKS
from .registry import of as of
from .segmentation import Segmentation as Segmentation
from .task import Task as Task

__all__ = [
    "Task",
    "Classification",
    "Segmentation",
    "Detection",
    "of",
    "TASKS",
]
