"""Several labels for each picture of a table: cells that hold lists, and a column of 0 and 1 for each label."""

import json
import re
from ast import literal_eval
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.data.sources.class_names import one_line
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.messages import once

SEPARATORS = "|;,"  # separators of labels in a cell; the first that occurs in a table is used, or else spaces
LONGEST_LIST = 100_000  # characters of a list of labels; Python takes a hundred times as many bytes to read one
TRUE, FALSE = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no", "")


def is_true(cell: str) -> bool:
    """Whether a cell of a column of true and false is true."""
    return cell.strip().lower() in TRUE


def is_false(cell: str) -> bool:
    """Whether a cell of a column of true and false is false. An empty cell is."""
    return cell.strip().lower() in FALSE


def joined(header: Sequence[str], row: Sequence[str], columns: Sequence[int]) -> str | None:
    """The labels of a row that has a column of 0 and 1 for each label, as a JSON list; None for any other row."""
    values = [row[n].strip().lower() for n in columns]
    if any(value not in TRUE + FALSE for value in values):
        return None
    return json.dumps([header[n] for n, value in zip(columns, values, strict=True) if value in TRUE])


def labels_of(path: Path, cells: Sequence[str], names: Sequence[str] | None = None) -> list[tuple[str, ...]]:
    """The labels in each cell, which is a list, or texts with a separator between them. An empty cell has no label.

    names: the labels of the training split, if this is another split.
    """
    texts = [cell for cell in cells if as_list(cell) is None]
    separator = next((each for each in SEPARATORS if any(each in text for text in texts)), None)
    alone = set(names or ()) if separator is None else set()
    if separator is None and any(re.search(r"\s", text) and text not in alone for text in texts):
        example = next(text for text in texts if re.search(r"\s", text))
        once(f"{path} has no | ; or , between labels: they are separated at spaces, as in {example!r}.")
    several = []
    for cell in cells:
        listed = as_list(cell)
        parts = listed if listed is not None else [cell] if cell in alone else cell.split(separator)
        several.append(tuple(dict.fromkeys(label for part in parts if (label := one_line(part)))))
    return several


def gathered(path: Path, rows: Sequence[tuple[Any, str]]) -> dict[Any, str]:
    """{key: cell} of rows (key, cell): a table may have a row for each label of a picture. A note says so.

    A cell of several rows becomes a JSON list.

    Raises:
      UserError: a picture has several rows, and cells hold lists themselves.
    """
    cells: dict[Any, list[str]] = {}
    for key, cell in rows:
        cells.setdefault(key, []).append(cell)
    twice = next((key for key, several in cells.items() if len(several) > 1), None)
    if twice is None:
        return dict(rows)
    if any(as_list(cell) is not None or re.search(f"[{SEPARATORS}]", cell) for _, cell in rows):
        raise UnreadableFile(f"{path} names {twice.name} more than once, and has lists of labels: keep one row for it.")
    once(f"{path} has several rows for a picture, such as {twice.name}: each adds a label.")
    return {key: json.dumps([cell for cell in several if cell]) for key, several in cells.items()}


def multi_hot(
    path: Path, labels: Sequence[tuple[str, ...]], pictures: Sequence[Path], names: Sequence[str]
) -> np.ndarray:
    """float32 [n, labels]: 1 where a picture has the label.

    Raises:
      UserError: a label that is not in `names`.
    """
    position = {name: number for number, name in enumerate(names)}
    matrix = np.zeros((len(labels), len(names)), np.float32)
    for row, several in enumerate(labels):
        for label in several:
            if label not in position:
                raise UnreadableFile(
                    f"{path} has a label {label!r} ({pictures[row].name}) that the training pictures do not have: "
                    "remove it."
                )
            matrix[row, position[label]] = 1
    return matrix


def as_list(cell: str) -> list[str] | None:
    """The labels in a cell with a list in the syntax of JSON or Python: ["a", "b"]. None for any other cell."""
    if not cell.startswith("[") or len(cell) > LONGEST_LIST:
        return None
    try:
        values = literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return [str(value) for value in values] if isinstance(values, list) else None
