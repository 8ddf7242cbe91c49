"""Where recipe scripts are: in recipes/ of the current folder, of a checkout, or in the installed package."""

import ast
from pathlib import Path

from keras_cnns.support.atomic_files import write_text
from keras_cnns.support.errors import BadArgument, UnreadableFile, UserError, nearest
from keras_cnns.support.untrusted import read_text
from keras_cnns.support.validation import path_of

FOLDER = "recipes"
PACKAGE = Path(__file__).parents[1]  # in a wheel the recipes are in keras_cnns/recipes, see setup.py


def recipe_files() -> dict[str, Path]:
    """{name: script}. A script in recipes/ of the current folder comes before the package's own of that name."""
    folders = (PACKAGE / FOLDER, PACKAGE.parent / FOLDER, Path(FOLDER))
    return {path.stem: path for folder in folders for path in sorted(folder.glob("[!_]*.py"))}


def recipe_file(name: str) -> Path:
    """The script that `name` stands for: the path of a .py file, or the name of one of `recipe_files`.

    Raises:
      BadArgument: there is no such recipe.
    """
    known, name = recipe_files(), str(path_of(name, "a recipe"))
    path = Path(name) if Path(name).suffix == ".py" else known.get(name)
    if path is None or not path.is_file():
        listed = f" The recipes are {', '.join(sorted(known))}." if known else " Give the path to a recipe's .py file."
        raise BadArgument(f"there is no recipe {name!r}.{nearest(name, known)}{listed}")
    return path


def first_lines() -> dict[str, str]:
    """{name: the first line of its description} of all recipes, by name. Nothing in them is run."""
    lines = {}
    for name, path in sorted(recipe_files().items()):
        try:
            tree = ast.parse(read_text(path))
            lines[name] = (ast.get_docstring(tree) or "").partition("\n")[0]
        except (UserError, OSError, SyntaxError, ValueError):  # one of the current folder that is being written
            lines[name] = "(cannot be read)"
    return lines


def copy_recipe(name: str, target: str | None = None) -> Path:
    """Writes the recipe `name` to `target`, by default recipes/NAME.py here, to be edited; returns that path.

    Raises:
      BadArgument: there is no such recipe.
      UnreadableFile: there is a file of that name, or it cannot be written.
    """
    source = recipe_file(name)
    path = Path(target) if target else Path(FOLDER) / source.name
    if path.exists():
        raise UnreadableFile(f"{path} exists: edit it, or give another path with --out.")
    write_text(path, source.read_text(encoding="utf-8"))
    return path
