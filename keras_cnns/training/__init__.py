"""Training: a `Recipe` has all settings, `train(recipe)` runs it, `run(RECIPE)` is the main function of a script."""

import os

from keras_cnns.support.lazy_imports import public

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up messages bury those of a run

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "Augment": "recipe",
        "Recipe": "recipe",
        "Result": "trainer",
        "train": "trainer",
        "evaluate": "evaluation",
        "run": "script",
        "find_recipe": "script",
    },
)
