"""The command `keras-cnns train`."""

from pathlib import Path


def train(recipe: str, /) -> None:
    """Trains a recipe. `keras-cnns train RECIPE --help` shows the recipe's flags.

    Args:
        recipe: a recipe's .py file, or the name of one in recipes/; `keras-cnns train` alone lists them
    """
    raise SystemExit(train_with(recipe, []))


def train_with(recipe: str, flags: list[str]) -> int:
    """Runs a recipe with the flags that follow its name; returns the exit status."""
    from keras_cnns.training.script import find_script, run

    script = find_script(recipe)
    return run(script.RECIPE, flags, f"keras-cnns train {recipe}", script.__doc__ or "")


def recipes() -> str:
    """What `keras-cnns train` alone prints: every recipe in recipes/ with the first line of its description."""
    import ast

    from keras_cnns.training.script import FOLDER

    folders = (Path(FOLDER), Path(__file__).parents[2] / FOLDER)
    files = {path.stem: path for folder in reversed(folders) for path in sorted(folder.glob("*.py"))}
    rows = [
        f"  {name:24} {(ast.get_docstring(ast.parse(path.read_text(encoding='utf-8'))) or '').partition(chr(10))[0]}"
        for name, path in sorted(files.items())
    ]
    return "\n".join(["usage: keras-cnns train RECIPE [OPTIONS]", "", *(rows or ["  RECIPE is a recipe's .py file."])])
