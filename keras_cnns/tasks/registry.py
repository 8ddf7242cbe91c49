"""The tasks by the names that the rows of the registry give them."""

from importlib import import_module

from keras_cnns.registry.registry import entry
from keras_cnns.support.errors import UserError

TASKS = {
    "classification": "Classification",
    "segmentation": "Segmentation",
    "detection": "Detection",
}  # task -> its class, in the module of its name
PARTS = {"proposals": "Proposals", "heads": "Heads"}  # of a detector in two stages, in `alternating`


def of(recipe):
    """The `Task` of the network that a recipe trains.

    Raises:
      UserError: there is no such network, or nothing here trains it.
    """
    network = entry(recipe.model)
    task = network.task
    if task not in TASKS:
        raise UserError(f"{recipe.model} is for {task}, which nothing here trains.")
    if recipe.part != "both":
        if not network.head.proposes:
            raise UserError(f"part is {recipe.part!r}, and {recipe.model} makes no proposals: leave it at both.")
        from keras_cnns.tasks import alternating

        return getattr(alternating, PARTS[recipe.part])(recipe)
    return getattr(import_module(f"keras_cnns.tasks.{task}"), TASKS[task])(recipe)
