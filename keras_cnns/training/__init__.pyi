# Written by `python -m keras_cnns.maintenance.stubs`.
from .evaluation import evaluate as evaluate
from .recipe import Augment as Augment
from .recipe import Recipe as Recipe
from .script import find_recipe as find_recipe
from .script import run as run
from .trainer import Result as Result
from .trainer import train as train

__all__ = [
    "Augment",
    "Recipe",
    "Result",
    "train",
    "evaluate",
    "run",
    "find_recipe",
]
