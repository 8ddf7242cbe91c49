"""Which columns of a table hold file names, classes and splits."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from keras_cnns.data.sources.class_names import one_line
from keras_cnns.data.sources.splits import TEST, TRAIN, VALIDATION
from keras_cnns.data.sources.table_several import joined
from keras_cnns.support.errors import UnreadableFile, nearest

# the names of the columns, in the order in which they are looked for
FILES = (
    "file",
    "filename",
    "fname",
    "file_name",
    "path",
    "filepath",
    "image",
    "image_path",
    "image_name",
    "image_id",
    "img",
    "id",
)
CLASSES: tuple[str, ...] = (
    "class",
    "label",
    "class_name",
    "category",
    "target",
    "species",
    "breed",
    "diagnosis",
    "y",
    "labels",
    "tags",
    "classes",
)
SPLITS = ("split", "subset", "partition")
FLAGS = {"is_train": TRAIN, "is_valid": VALIDATION, "is_val": VALIDATION, "is_test": TEST}  # columns of true and false


def with_one_column(
    path: Path, table: list[list[str]], several: bool = False
) -> tuple[list[list[str]], tuple[str, ...] | None]:
    """(a table with a column of classes and one of splits, the names of the classes), of a table with a column of 0 and
    1 for each class, as Roboflow's _classes.csv; other tables as they are.

    Columns such as is_valid become the column of splits. several: whether a picture may have any number of classes; the
    column then holds JSON lists.

    Raises:
      UserError: a picture has no class or several.
    """
    header = [one_line(cell) for cell in table[0]]
    lower = [cell.lower() for cell in header]
    rows = [[cell.strip() for cell in row] for row in table[1:]]
    marks = [n for n, name in enumerate(lower) if name in FLAGS]
    if marks and lower[0] in FILES and not set(lower) & set(SPLITS):
        splits = [_marked([row[n] for n in marks], [FLAGS[lower[n]] for n in marks]) for row in rows]
        kept = [n for n in range(len(header)) if n not in marks]
        header = [header[n] for n in kept] + [SPLITS[0]]
        rows = [[row[n] for n in kept] + [split] for row, split in zip(rows, splits, strict=True)]
        table, lower = [header, *rows], [cell.lower() for cell in header]
    columns = [n for n, name in enumerate(lower) if n and name not in SPLITS]
    if lower[0] not in FILES or set(lower) & set(CLASSES) or len(columns) < 2 or not rows:
        return table, None
    if several:
        lists = [joined(header, row, columns) for row in rows]
        return (table, None) if None in lists else _replaced(path, header, rows, columns, lists)
    if not all(row[n] in ("0", "1") for row in rows for n in columns):
        return table, None
    for row in rows:
        if (count := [row[n] for n in columns].count("1")) != 1:
            raise UnreadableFile(
                f"{path} has {count or 'no'} classes for {row[0]}: training takes exactly one for each picture; remove "
                "the row or correct it, or train several labels at once (--labels several)."
            )
    classes = [header[columns[[row[n] for n in columns].index("1")]] for row in rows]
    return _replaced(path, header, rows, columns, classes)


def _replaced(
    path: Path, header: list[str], rows: list[list[str]], columns: list[int], classes: Sequence[str | None]
) -> tuple[list[list[str]], tuple[str, ...]]:
    """The table with one column of `classes` in the place of a column for each class, and the names of these."""
    names = tuple(header[n] for n in columns)
    if len(set(names)) < len(names):
        raise UnreadableFile(f"{path} has two columns of the same name: give each class its own.")
    rest = [n for n in range(len(header)) if n not in columns]
    labelled = [[row[n] for n in rest] + [str(label)] for row, label in zip(rows, classes, strict=True)]
    return [[header[n] for n in rest] + [CLASSES[0]], *labelled], names


def _marked(cells: list[str], roles: list[str]) -> str:
    """The split of a row with columns such as is_valid: the first that is true; TRAIN where none is."""
    true = [part for cell, part in zip(cells, roles, strict=True) if cell.lower() in ("1", "true", "yes", "1.0")]
    return next(iter(true), TRAIN)


def columns_of(path: Path, rows: list[list[str]], find: Callable[[str], Any]) -> tuple[int, int, int | None]:
    """The indices of the columns of file names, classes and, or None, splits.

    find: the picture that a cell names, or None.

    Raises:
      UserError: there is no column of file names or of classes.
    """
    header = [cell.strip().lower() for cell in rows[0]]
    split = next((header.index(name) for name in SPLITS if name in header), None) if len(header) > 2 else None
    file = next((header.index(name) for name in FILES if name in header), None)
    label = next((header.index(name) for name in CLASSES if name in header), None)
    if len(header) == 2:
        if file is None:  # an unknown header, or none: the column of files is the one with pictures
            file = next((i for i in (0, 1) if find(rows[-1][i])), 0) if label is None else 1 - label
        label = 1 - file
    if file is None or label is None:
        missing = "a column of file names (call it file)" if file is None else "a column of classes (call it class)"
        raise UnreadableFile(
            f"{path} has no {missing[2:]}: its columns are {', '.join(rows[0])}.{nearest('class', header)}"
        )
    return file, label, split
