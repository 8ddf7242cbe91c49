"""What a network is trained for: one file a task. `of(recipe)` is the task of a recipe's network."""

from keras_cnns.support.lazy_imports import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "Task": "task",
        "Classification": "classification",
        "Segmentation": "segmentation",
        "Detection": "detection",
        "of": "registry",
        "TASKS": "registry",
    },
)
