"""The tasks, by the names in the rows of the registry."""

from importlib import import_module
from typing import Any

from keras_cnns.registry.registry import entry
from keras_cnns.support.backend import check_tensorflow_backend
from keras_cnns.support.errors import BadArgument
from keras_cnns.support.validation import short
from keras_cnns.tasks.base.task import Task

TASKS = {
    "classification": ("classification.task", "Classification"),
    "segmentation": ("segmentation.task", "Segmentation"),
    "detection": ("detection.two_stage.task", "TwoStage"),
}
"""The tasks that a recipe can train: {task of a network: (module in keras_cnns.tasks, class)}.

>>> sorted(keras_cnns.tasks.TASKS)
['classification', 'detection', 'segmentation']
"""
ONE_STAGE = {
    "ssd": ("detection.one_stage.ssd", "SSD"),
    "retinanet": ("detection.one_stage.retinanet", "RetinaNet"),
    "yolox": ("detection.one_stage.yolox", "YOLOX"),
}  # how a one-stage detector assigns objects to its boxes (`Head.assignment`) -> its task, as in TASKS
PARTS = {"proposals": "Proposals", "heads": "Heads"}  # part of a two-stage detector -> its class in `alternating`


def of(recipe: Any) -> Task:
    """The `Task` of the network that a recipe trains.

    Args:
      recipe: a `keras_cnns.training.Recipe`.

    Raises:
      UserError: there is no such network, no task here trains it, or Keras does not run on TensorFlow.

    >>> keras_cnns.tasks.of(find_recipe("small_detector")).score
    """
    check_tensorflow_backend("training")
    if not hasattr(recipe, "model"):
        raise BadArgument(f"the recipe is {short(recipe)}: give a keras_cnns.training.Recipe.")
    network = entry(recipe.model)
    task = network.task
    if task not in TASKS:
        raise BadArgument(f"{recipe.model} is for {task}, which cannot be trained here.")
    module, name = ONE_STAGE[network.head.assignment] if network.head.assignment else TASKS[task]
    if recipe.labels == "several":
        if task != "classification":
            raise BadArgument(f"labels is 'several', and {recipe.model} is for {task}: leave it at one.")
        module, name = "multilabel.task", "MultiLabel"
    if recipe.part != "both":
        if not network.head.proposes:
            raise BadArgument(f"part is {recipe.part!r}, and {recipe.model} makes no proposals: leave it at both.")
        module, name = "detection.two_stage.alternating", PARTS[recipe.part]
    return getattr(import_module(f"keras_cnns.tasks.{module}"), name)(recipe)
