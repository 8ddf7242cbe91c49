"""The folder of a run, and what lies in it.

recipe.json    the exact recipe            log/            for TensorBoard
history.csv    one row an epoch            checkpoints/    where a killed run goes on
best.keras     the best epoch's model      model.keras     the last epoch's model
metrics.json   of the model, held out      curve.png, confusion.png
"""

import csv
import io
import platform
from pathlib import Path

from keras_cnns.card import Card, write_card
from keras_cnns.errors import UserError
from keras_cnns.files import write_text, written_aside
from keras_cnns.training.recipe import Recipe


def claim(recipe):
    """The folder `recipe.out` as a Path, made or found; the recipe is written into it.

    Raises:
      UserError: another recipe's run is in there.
    """
    folder = Path(recipe.out)
    file = folder / "recipe.json"
    if file.exists():
        other = Recipe.from_json(file.read_text(encoding="utf-8"))
        differing = recipe.differs(other)
        if differing:
            said = ", ".join(f"{n} {there!r} there and {here!r} here" for n, (here, there) in differing.items())
            raise UserError(f"{folder} holds the run of another recipe ({said}): give another --out, or remove it.")
    else:
        write_text(file, recipe.json() + "\n")
    return folder


def versions():
    """What the run was made with."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for package in ("keras-cnns", "tensorflow", "keras", "tensorflow-datasets", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def save_model(model, path, recipe, names):
    """Writes a `.keras` file with its card: labels, recipe, versions."""
    card = Card(recipe.model, tuple(str(n) for n in names), {"recipe": recipe.json_values(), "versions": versions()})
    with written_aside(path) as temporary:
        model.save(temporary)
        write_card(temporary, card)


def write_history(rows, path):
    """The history, one row an epoch, as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
