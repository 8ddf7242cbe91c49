# Written by `python -m keras_cnns.maintenance.stubs`.
from .base.task import Task as Task
from .by_name import TASKS as TASKS
from .by_name import of as of
from .classification.task import Classification as Classification
from .detection.task import Detection as Detection
from .multilabel.task import MultiLabel as MultiLabel
from .segmentation.task import Segmentation as Segmentation

__all__ = [
    "Task",
    "Classification",
    "MultiLabel",
    "Segmentation",
    "Detection",
    "of",
    "TASKS",
]
