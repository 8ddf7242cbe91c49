"""The tasks that a network is trained for, in a folder each. `of(recipe)` is the task of a recipe's network."""

from keras_cnns.support.lazy_imports import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "Task": "base.task",
        "Classification": "classification.task",
        "MultiLabel": "multilabel.task",
        "Segmentation": "segmentation.task",
        "Detection": "detection.task",
        "of": "by_name",
        "TASKS": "by_name",
    },
)
