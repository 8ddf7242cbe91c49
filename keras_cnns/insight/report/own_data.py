"""Where the pictures of a run are, as far as the run's own recipe may say it.

A run's folder may come from somebody else. What its recipe names is followed only to data sets that are known by name,
to folders inside the run, and to pictures that the run was trained on, which the digests in its `data.json` prove.
Anything else on this machine is read only where the caller names it.
"""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from keras_cnns.data.sources.by_name import FOLDER, open_source
from keras_cnns.support.errors import BadArgument, UserError
from keras_cnns.support.untrusted import read_json
from keras_cnns.support.validation import short

# of tensorflow-datasets: name, name/configuration, name:1.0.0; no namespace, which would load code from elsewhere
NAME = re.compile(r"[A-Za-z]\w*(/[A-Za-z0-9][\w.+-]*)*(:\d+\.\d+\.\d+)?")


def own_data(recipe: dict[str, Any], folder: Path | None) -> tuple[str | None, str | None]:
    """(data set, data folder) that a run's recipe names.

    Args:
      recipe: the values of `recipe.json`, or of the card in a model file.
      folder: the run's folder; None for a model file alone.

    Returns:
      Both as `load_arrays` takes them; None where the recipe does not say.

    Raises:
      UserError: the recipe leads to a folder outside the run; the message says which flag reads it all the same.
    """
    dataset, data_dir = recipe.get("dataset"), recipe.get("data_dir")
    if dataset is None:
        return None, None
    if not isinstance(dataset, str) or not isinstance(data_dir, str | None):
        raise BadArgument(f"the recipe names the data set {short(dataset)} in {short(data_dir)}: give --dataset.")
    if dataset.startswith(FOLDER):
        if not _within(dataset[len(FOLDER) :], folder) and not _trained_on(dataset, folder):
            raise BadArgument(
                f"the recipe names {dataset}, which is outside the run's folder: if you know these pictures, give "
                f"--dataset {dataset}."
            )
    elif not NAME.fullmatch(dataset):
        raise BadArgument(f"the recipe names {short(dataset)}, which is not the name of a data set: give --dataset.")
    if data_dir is not None and not _within(data_dir, folder):
        raise BadArgument(
            f"the recipe names the data folder {data_dir}, which is outside the run's folder: if you know it, give "
            f"--data-dir {data_dir}."
        )
    return dataset, data_dir


def _within(path: str, folder: Path | None) -> bool:
    """Whether a path leads into the run's folder once its links are resolved."""
    try:
        return folder is not None and Path(path).expanduser().resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def _trained_on(dataset: str, folder: Path | None) -> bool:
    """Whether the test pictures there are those of the run.

    Its `data.json` then holds the digest of all their names and classes, which nobody knows who does not have them.
    """
    with suppress(UserError, OSError, TypeError, KeyError):
        if folder is not None:
            key = read_json(folder / "data.json")["keys"]["test"]
            return isinstance(key, str) and key != "" and open_source(dataset, "test").key == key
    return False
