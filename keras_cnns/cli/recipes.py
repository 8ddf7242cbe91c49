"""The command `keras-cnns recipes`."""

from typing import Literal

from keras_cnns.support.errors import BadArgument


def recipes(action: Literal["list", "copy"] = "list", name: str = "", /, *, out: str | None = None) -> None:
    """Lists the recipes, or copies one to edit it: keras-cnns recipes copy NAME.

    Args:
        action: list, or copy
        name: the recipe to copy
        out: the copy; by default recipes/NAME.py, which `keras-cnns train NAME` then uses
    """
    from keras_cnns.training.recipe_files import copy_recipe

    if action == "list":
        if name or out:
            raise BadArgument("recipes list takes no name: `keras-cnns recipes copy NAME` copies a recipe.")
        return print(listing())
    if not name:
        raise BadArgument("recipes copy needs the name of a recipe: `keras-cnns recipes` lists them.")
    return print(copy_recipe(name, out))


def listing() -> str:
    """A line for each recipe: its name and the first line of its description."""
    from keras_cnns.training.recipe_files import first_lines

    return "\n".join(f"  {name:24} {line}" for name, line in first_lines().items())
