"""Makes a recipe script a command: `python recipes/NAME.py --flag` and `keras-cnns train NAME --flag` do the same."""

import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal

import tyro

from keras_cnns.support import messages
from keras_cnns.support.errors import UserError
from keras_cnns.support.flag_lists import split_lists, tuple_flags
from keras_cnns.support.temporary_folders import everything_temporary_inside
from keras_cnns.training.named_values import take_overrides
from keras_cnns.training.recipe import Recipe
from keras_cnns.training.recipe_files import recipe_file
from keras_cnns.training.recipe_help import common_flags


@dataclass(frozen=True)
class Flags:
    """The fields of the recipe, and flags that apply to one start of it."""

    recipe: Annotated[Recipe, tyro.conf.arg(name="")]
    check: bool = False  # only examine the data and memorize eight pictures, in about a minute; report problems
    quiet: bool = False  # no progress and no line for each epoch
    smoke: bool = False  # train a few steps on the embedded digits, to see that everything works
    workers: str = ""  # addresses of all workers, this process included: host:port,host:port,...
    index: int = 0  # number of this process among the workers, from 0
    evaluate: tuple[str, ...] = ()  # measure these .keras files instead of training; several: their mean probability
    views: Literal["centre", "ten_crops", "multi_scale"] = "centre"  # views of each picture, with --evaluate
    scales: tuple[int, ...] = ()  # multi_scale: short sides in pixels, the largest last; 1, 8/7 and 2 times the input


def run(
    recipe: Recipe, args: Sequence[str] | None = None, called: str | None = None, description: str | None = None
) -> int:
    """The main function of a recipe script: changes `recipe` as the command line says, and trains it.

    Args:
      recipe: the settings of the script, the defaults of the flags.
      args: the words of the command line; by default those of this process.
      called: the command in the usage line of --help, such as "keras-cnns train small_detector".
      description: the first lines of --help; by default the docstring of the main script.

    Returns:
      The exit status: 0, 1 if --check finds a problem, 2 after a `UserError`, 130 after Ctrl-C.

    >>> if __name__ == "__main__":
    ...     raise SystemExit(run(RECIPE))
    """
    try:
        flags = parse(recipe, args, called, description)
        from keras_cnns.support.streams import import_tensorflow

        import_tensorflow()
        from keras_cnns.training import distribute

        if flags.workers:
            distribute.join(flags.workers, flags.index)
        recipe = smoke(flags.recipe) if flags.smoke else flags.recipe
        if flags.check:
            return _checked(recipe)
        if flags.evaluate:
            from keras_cnns.training.evaluation import evaluate_files

            metrics = evaluate_files(flags.evaluate, recipe, flags.views, flags.scales)
            figures = ", ".join(f"{name.replace('_', ' ')} {metrics[name]:.4f}" for name in metrics["printed"])
            print(f"{figures} of {metrics['examples']} held-out pictures: {Path(recipe.out) / metrics['file']}")
            return 0
        from keras_cnns.training.trainer import train

        with messages.in_lines(quiet=flags.quiet), everything_temporary_inside():
            result = train(recipe, quiet=flags.quiet)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped: the same command goes on from the last checkpoint.", file=sys.stderr)
        return 130
    epochs, score = result.history[-1]["epoch"], result.score
    figures = f"held-out {score.replace('_', ' ')} {result.metrics[score]:.4f}"
    print(f"{figures} after {epochs} epochs: {result.folder}/", flush=True)
    if distribute.workers() > 1:
        os._exit(0)  # at once: if a worker ends slowly, the others take it for lost and abort
    return 0


def _checked(recipe: Recipe) -> int:
    """Prints the findings of the self-check. Returns 1 if there is a problem, else 0."""
    from keras_cnns.training.check import check

    with messages.in_lines():
        checks = check(recipe)
    for what, how, fine in checks:
        print(f"{'ok ' if fine else 'OFF'} {what}: {how}")
    return 0 if all(fine for *_, fine in checks) else 1


def parse(
    recipe: Recipe, args: Sequence[str] | None = None, called: str | None = None, description: str | None = None
) -> Flags:
    """The `Flags` of a command line, with `recipe` as defaults. --help and --help-all print a screen and exit."""
    program = called or f"python {sys.argv[0]}"
    description = sys.modules["__main__"].__doc__ if description is None else description
    words = list(sys.argv[1:] if args is None else args)
    if {"-h", "--help"} & set(words):
        print(common_flags(recipe, program, description))
        raise SystemExit(0)
    words = ["--help" if word == "--help-all" else word for word in words]
    words, overrides = take_overrides(split_lists(words, tuple_flags(Flags) | tuple_flags(Recipe)), recipe.overrides)
    default = Flags(
        recipe.but(overrides={})
    )  # tyro would make flags of the columns that the recipe sets, but not of others
    flags = tyro.cli(Flags, default=default, args=words, description=description, prog=program)
    return replace(flags, recipe=flags.recipe.but(overrides=overrides))


def smoke(recipe: Recipe) -> Recipe:
    """The recipe reduced to two steps of eight small embedded pictures, from random weights."""
    from keras_cnns.registry.registry import entry

    network = entry(recipe.model)
    side = 128 if recipe.overrides.get("auxiliary") else max(32, network.variant.min_size)
    return recipe.but(
        dataset="digits" if network.task == "classification" else "scenes",
        data_dir=None,
        labels="one",
        weights=None,
        input_shape=(side, side, recipe.input_shape[2]),
        batch_size=8,
        accumulate=min(2, recipe.accumulate),
        max_steps=2,
        out=f"{recipe.out}-smoke",
    )


def find_recipe(name: str) -> Recipe:
    """The `Recipe` in a recipe script.

    name: a path to the script, or the name of a file in recipes/, see `recipe_files`.

    Raises:
      UserError: there is no such script, or it has no RECIPE.

    >>> find_recipe("small_classifier").but(dataset="folder:photos")
    """
    return find_script(name).RECIPE


def find_script(name: str) -> ModuleType:
    """The recipe script of that name or path, as a module with a `RECIPE`. Raises the same errors as `find_recipe`."""
    script = recipe_file(name)
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None and spec.loader is not None  # it ends in .py
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(f"{script} cannot be run: {type(error).__name__}: {error}") from error
    if not isinstance(getattr(module, "RECIPE", None), Recipe):
        raise UserError(f"{script} has no RECIPE: add RECIPE = keras_cnns.training.Recipe(...) to it.")
    return module
