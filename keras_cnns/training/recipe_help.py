"""What `--help` of a recipe prints: the ten common flags. `--help-all` prints all of them."""

import textwrap
from typing import Any

COMMON = {
    "dataset": "digits, folder:PATH (a folder of pictures for each class, or with boxes or masks) or a "
    "tensorflow-datasets name",
    "model": "a name from `keras-cnns list`",
    "weights": "initial weights: a file; keras, torchvision or timm for published weights; None for random ones",
    "freeze": "layers that keep their weights: features, or until:NAME",
    "input_shape": "height, width and channels of the pictures",
    "epochs": "passes over the training pictures",
    "batch_size": "pictures in a step, all replicas together",
    "learning_rate": "at its highest, before the schedule lowers it",
    "out": "folder of the run; the same command again resumes it",
    "check": "only examine the data and learn eight pictures by heart, in about a minute",
}


def common_flags(recipe: Any, program: str, description: str | None) -> str:
    """The text of `--help`: the recipe's description, and its common flags with their defaults."""
    lines = [f"usage: {program} [OPTIONS]", "", (description or "").strip(), "", "common options:"]
    for name, text in COMMON.items():
        value = getattr(recipe, name, False)
        value = " ".join(map(str, value)) if isinstance(value, tuple) else value
        default = "" if value is False or value == "" else f" (default: {value})"
        flag = f"  --{name.replace('_', '-')}"
        lines += textwrap.wrap(text + default, 118, initial_indent=f"{flag:20}", subsequent_indent=" " * 20)
    columns = ", ".join(f"{name} {_shown(value)}" for name, value in recipe.overrides.items())
    sentence = "--overrides NAME VALUE ... changes columns of the network's row, such as --overrides width 0.5."
    sentence += f" This recipe sets {columns}." if columns else ""
    more = "--help-all shows every option: optimizer, schedule, augmentation, devices, evaluation."
    return "\n".join([*lines, "", *textwrap.wrap(sentence, 118), more])


def _shown(value: Any) -> str:
    """A column's value as one writes it on the command line."""
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
