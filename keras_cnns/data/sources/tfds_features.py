"""Checks the feature classes that a prepared data set names: only those of tensorflow-datasets itself are loaded.

The file `features.json` of a data set names the Python class of each of its features, and tensorflow-datasets imports
the module of that class. In a folder that somebody else prepared, that could be any module.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.untrusted import read_json

TRUSTED = "tensorflow_datasets."
DEEPEST = 4  # folders below the data set's own: configuration, version


def check(data_dir: Path, name: str) -> None:
    """Checks every `features.json` of the data set `name` in `data_dir`, before tensorflow-datasets reads it.

    Raises:
      UserError: a file names a class of another package, or cannot be read.
    """
    folder = data_dir / name.split("/")[0].split(":")[0]
    for where, folders, files in os.walk(folder):
        if len(Path(where).relative_to(folder).parts) >= DEEPEST:
            folders.clear()
        if "features.json" in files:
            check_file(Path(where) / "features.json")


def check_file(path: Path) -> None:
    """Raises UserError if the file at `path` names a class that is not one of tensorflow-datasets."""
    try:
        names = list(_class_names(read_json(path)))
    except OSError as error:
        raise UnreadableFile(f"cannot read {path} ({error.strerror or error}).") from None
    foreign = next((name for name in names if not _trusted(str(name))), None)
    if foreign is not None:
        raise UnreadableFile(
            f"{path} names the feature class {str(foreign)[:100]!r}, which is not one of tensorflow-datasets: the data "
            "set is not opened, because that would import and run another package's code."
        )


def _trusted(name: str) -> bool:
    """Whether the class is tensorflow-datasets' own, or of a module that the running program has imported itself."""
    return name.startswith(TRUSTED) or name.rpartition(".")[0] in sys.modules


def _class_names(value: Any) -> Iterator[Any]:
    """All values of the keys "pythonClassName" and, in files of older versions, "type", at any depth."""
    if isinstance(value, dict):
        yield from (value[key] for key in ("pythonClassName", "python_class_name") if key in value)
        if "type" in value and "content" in value:
            yield value["type"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _class_names(inner)
