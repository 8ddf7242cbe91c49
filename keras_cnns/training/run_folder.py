"""The folder of a run, and what lies in it.

recipe.json    the exact recipe            data.json       the classes, the pictures, what was found of them
log/           for TensorBoard
history.csv    one row an epoch            checkpoints/    where a killed run goes on
best.keras     the best epoch's model      model.keras     the last epoch's model
metrics.json   of the model, held out      curve.png, confusion.png
"""

import csv
import io
import platform
from pathlib import Path

from keras_cnns.data import duplicates
from keras_cnns.data.classes import current, difference
from keras_cnns.saving.card import Card, read_card, write_card
from keras_cnns.support import messages as said
from keras_cnns.support.atomic_files import read_json, write_json, write_text, written_aside
from keras_cnns.support.errors import UserError, first_line
from keras_cnns.training.recipe import Recipe

CHECKPOINTS = "checkpoints"
PAIRS = 100  # of a training picture and a held-out one that are the same, to be listed


def check(recipe):
    """The folder `recipe.out` as a Path.

    Raises:
      UserError: another recipe was trained in there.
    """
    folder = Path(recipe.out)
    file = folder / "recipe.json"
    if file.exists() and any((folder / CHECKPOINTS).glob("*.index")):
        other = _read(file, Recipe.from_json)
        differing = recipe.differs(other)
        if differing:
            said = ", ".join(f"{n} {there!r} there and {here!r} here" for n, (here, there) in differing.items())
            raise UserError(f"{folder} holds the run of another recipe ({said}): give another --out, or remove it.")
    return folder


def check_data(folder, names, examples=None, keys=None):
    """Compares the data with those that the run in the folder has seen.

    names: of the classes, in order. examples: {split: how many}. keys: {split: `Source.key`}, another one where the
    examples are called otherwise, have another order or other labels.

    Raises:
      UserError: the classes have other names or another order, there are more or fewer pictures, or other ones.
    """
    seen = seen_data(folder)
    if seen is None:
        return
    if current(seen["classes"]) != current(names):
        raise UserError(
            f"{folder} holds a run on other classes ({difference(seen['classes'], [str(name) for name in names])}): "
            "give another --out, or put the data back as they were."
        )
    for split, count in (examples or {}).items():
        before = seen["examples"].get(split, count)
        if before != count:
            raise UserError(
                f"{folder} holds a run on {before} pictures to {split}, and there are {count} now: "
                "give another --out, or put the data back as they were."
            )
    for split, key in (keys or {}).items():
        if seen.get("keys", {}).get(split, key) != key:
            raise UserError(
                f"{folder} holds a run on as many pictures to {split}, but others, or others of each class: "
                "give another --out, or put the data back as they were."
            )


def seen_data(folder):
    """What data.json says; of a run that has none, the labels in its model; None where nothing was trained yet."""
    if (folder / "data.json").exists():
        return _read(folder / "data.json", _described)
    for name in ("best.keras", "model.keras"):
        if (folder / name).exists() and (labels := read_card(folder / name).labels):
            return {"classes": list(labels), "examples": {}}
    return None


def _read(file, understood):
    """What the text of a file of the folder means; a damaged one is said to be one."""
    try:
        return understood(file.read_text(encoding="utf-8"))
    except (UserError, ValueError, OSError) as error:
        raise UserError(
            f"{file} is damaged ({first_line(error).rstrip('.')}): give another --out, or remove it."
        ) from error


def _described(text):
    found = read_json(text)
    if not isinstance(found, dict) or not isinstance(found.get("classes"), list):
        raise UserError("it names no classes")
    if not isinstance(found.get("examples"), dict) or not isinstance(found.get("keys", {}), dict):
        raise UserError("it counts no pictures")
    return {**found, "classes": [str(name) for name in found["classes"]]}


def claim(folder, recipe, names, splits, found):
    """Compares the data with those of the run's first start, and writes the recipe and what is known of them into the
    folder: from now on it is this recipe's.

    splits: {split: its `data.Data`}. found: what the task keeps of them, as plain values. What training and held-out
      pictures have in common is looked for once, and said.

    Raises:
      UserError: as `check_data`.
    """
    examples = {split: data.count for split, data in splits.items()}
    sources = {split: data.source for split, data in splits.items()}
    keys = {split: source.key for split, source in sources.items() if source.key}
    check_data(folder, names, examples, keys)
    noted = {"classes": [str(name) for name in names], "examples": examples} | ({"keys": keys} if keys else {}) | found
    before = (seen_data(folder) or {}).get("duplicates")
    same = duplicates.between(*sources.values()) if sources and before is None else None
    if same is not None:
        before = {"copies": same.copies, "near": same.near, "pairs": [list(pair) for pair in same.pairs[:PAIRS]]}
        if same.pairs:
            said.LOG.warning("%s: %s", recipe.dataset, same.sentence(splits["test"].count))
    write_text(folder / "recipe.json", recipe.json() + "\n")
    write_json(folder / "data.json", noted | ({} if before is None else {"duplicates": before}))


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
