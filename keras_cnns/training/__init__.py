"""Training: a `Recipe` says everything, `train(recipe)` does it, `run(RECIPE)` is the main of a recipe's page."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up remarks bury what a run says

_HOME = {
    "Augment": "keras_cnns.training.augment",
    "Recipe": "keras_cnns.training.recipe",
    "Result": "keras_cnns.training.trainer",
    "train": "keras_cnns.training.trainer",
    "evaluate": "keras_cnns.training.evaluation",
    "run": "keras_cnns.training.page",
    "find_recipe": "keras_cnns.training.page",
}
__all__ = list(_HOME)


def __getattr__(name):
    """Imported at first use: TensorFlow loads when something is trained, not when this package is named."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
