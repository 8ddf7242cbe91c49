"""The command `keras-cnns train`."""


def train(recipe: str, /) -> None:
    """Trains a recipe. `keras-cnns train RECIPE --help` shows the recipe's flags.

    Args:
        recipe: a recipe's .py file, or a name of `keras-cnns recipes`
    """
    raise SystemExit(train_with(recipe, []))


def train_with(recipe: str, flags: list[str]) -> int:
    """Runs a recipe with the flags that follow its name; returns the exit status."""
    from keras_cnns.training.script import find_script, run

    script = find_script(recipe)
    return run(script.RECIPE, flags, f"keras-cnns train {recipe}", script.__doc__ or "")


def usage() -> str:
    """The text of `keras-cnns train` without a recipe: every recipe with the first line of its description."""
    from keras_cnns.cli.recipes import listing

    rows = listing() or "  RECIPE is a recipe's .py file."
    return f"usage: keras-cnns train RECIPE [OPTIONS]\n\n{rows}"
