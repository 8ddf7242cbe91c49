"""The folder of a run, and the files in it.

recipe.json    the exact recipe            data.json       the classes and the pictures, and findings about them
log/           for TensorBoard
history.csv    one row for each epoch      checkpoints/    from which a killed run resumes
best.keras     the best epoch's model      model.keras     the last epoch's model
metrics.json   of the model, held out      curve.png, confusion.png
"""

import csv
import io
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import keras

from keras_cnns.data import duplicates
from keras_cnns.data.batches import Data
from keras_cnns.data.classes import current, difference
from keras_cnns.saving.card import Card, read_card, write_card
from keras_cnns.support import messages
from keras_cnns.support.atomic_files import write_json, write_text, written_aside
from keras_cnns.support.errors import UnreadableFile, UserError, first_line
from keras_cnns.support.locks import locked
from keras_cnns.support.untrusted import parse_json, read_text
from keras_cnns.training import distribute
from keras_cnns.training.recipe import Recipe

CHECKPOINTS = "checkpoints"
PAIRS = 100  # largest number of listed pairs of a training picture and its held-out duplicate


def check(recipe: Recipe) -> Path:
    """The folder `recipe.out` as a Path.

    Raises:
      UserError: it contains the run of another recipe.
    """
    folder = Path(recipe.out)
    file = folder / "recipe.json"
    if file.exists() and any((folder / CHECKPOINTS).glob("*.index")):
        other = _read(file, Recipe.from_json)
        differing = recipe.differs(other)
        if differing:
            fields = ", ".join(f"{n} {there!r} there and {here!r} here" for n, (here, there) in differing.items())
            raise UserError(f"{folder} holds the run of another recipe ({fields}): give another --out, or remove it.")
    return folder


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Locks the folder for this process, unless it is one of several workers. A folder that stays empty is removed.

    Raises:
      UserError: another process trains into the folder, or it cannot be created.
    """
    if distribute.workers() > 1:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnreadableFile(f"cannot write {folder}: {error.strerror or error}.") from error
    try:
        with locked(folder, wait=False) as own:
            if not own:
                raise UserError(f"another process trains into {folder}: wait for its end, or give another --out.")
            yield
    finally:
        with suppress(OSError):  # it holds the run
            folder.rmdir()


def check_data(
    folder: Path, names: Sequence, examples: dict[str, int] | None = None, keys: dict[str, str] | None = None
) -> None:
    """Checks that the data are the same as at the first start of the run in the folder.

    Args:
      names: names of the classes, in order.
      examples: {split: number of samples}.
      keys: {split: `Source.key`}; a key changes with the names, the order and the annotations of the samples.

    Raises:
      UserError: the names of the classes or their order differ; the number of pictures, the pictures or their
        annotations differ.
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
                f"{folder} holds a run on as many pictures to {split}, but the pictures or their labels have changed: "
                "give another --out, or put the data back as they were."
            )


def seen_data(folder: Path) -> dict[str, Any] | None:
    """The content of data.json; for a run without it, the labels of its model; None if nothing was trained yet."""
    if (folder / "data.json").exists():
        return _read(folder / "data.json", _described)
    for name in ("best.keras", "model.keras"):
        if (folder / name).exists() and (labels := read_card(folder / name).labels):
            return {"classes": list(labels), "examples": {}}
    return None


def _read(file: Path, understood: Callable[[str], Any]) -> Any:
    """The content of a file of the folder, as `understood` parses it. Raises UserError if it is damaged."""
    try:
        return understood(read_text(file))
    except (UserError, ValueError, OSError) as error:
        raise UnreadableFile(
            f"{file} is damaged ({first_line(error).rstrip('.')}): give another --out, or remove it."
        ) from error


def _described(text: str) -> dict[str, Any]:
    content = parse_json(text)
    if not isinstance(content, dict) or not isinstance(content.get("classes"), list):
        raise UserError("it names no classes")
    if not isinstance(content.get("examples"), dict) or not isinstance(content.get("keys", {}), dict):
        raise UserError("it counts no pictures")
    return {**content, "classes": [str(name) for name in content["classes"]]}


def claim(folder: Path, recipe: Recipe, names: Sequence, splits: dict[str, Data], findings: dict[str, Any]) -> None:
    """Checks that the folder belongs to this recipe and these data, and writes recipe.json and data.json.

    The first call also looks for duplicates between the splits, and warns of them.

    Args:
      splits: {split: its `data.Data`}.
      findings: what the task found out about the data, as plain values.

    Raises:
      UserError: the data have changed, see `check_data`.
    """
    examples = {split: data.count for split, data in splits.items()}
    sources = {split: data.source for split, data in splits.items()}
    keys = {split: source.key for split, source in sources.items() if source.key}
    check_data(folder, names, examples, keys)
    noted = (
        {"classes": [str(name) for name in names], "examples": examples} | ({"keys": keys} if keys else {}) | findings
    )
    before = (seen_data(folder) or {}).get("duplicates")
    same = duplicates.between(*sources.values()) if sources and before is None else None
    if same is not None:
        before = {"copies": same.copies, "near": same.near, "pairs": [list(pair) for pair in same.pairs[:PAIRS]]}
        if same.pairs:
            messages.LOG.warning("%s: %s", recipe.dataset, same.sentence(splits["test"].count))
    write_text(folder / "recipe.json", recipe.json() + "\n")
    write_json(folder / "data.json", noted | ({} if before is None else {"duplicates": before}))


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that a run depends on."""
    from importlib.metadata import PackageNotFoundError, version

    versions = {"python": platform.python_version()}
    for package in ("keras-cnns", "tensorflow", "keras", "tensorflow-datasets", "numpy"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def save_model(model: keras.Model, path: Path, recipe: Recipe, names: Sequence) -> None:
    """Writes a `.keras` file with its card: classes, recipe, versions."""
    card = Card(recipe.model, tuple(str(n) for n in names), {"recipe": recipe.json_values(), "versions": versions()})
    with written_aside(path) as temporary:
        model.save(temporary)
        write_card(temporary, card)


def write_history(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Writes the history as CSV, one row for each epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
