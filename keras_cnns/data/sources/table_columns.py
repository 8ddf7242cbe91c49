"""Which columns of a table hold file names, classes and splits."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from keras_cnns.data.sources.class_names import one_line
from keras_cnns.data.sources.splits import TEST, TRAIN, role
from keras_cnns.data.sources.table_several import is_false, is_true, joined
from keras_cnns.support.errors import UnreadableFile, nearest
from keras_cnns.support.messages import once

# names of columns, in the order in which they are searched
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
# columns of true and false that mark the rows of a split: is_valid, is_training_img; test beside a column of classes
FLAG = re.compile(r"(?:is|in)_(train|training|val|valid|validation|test|testing|holdout|held_out)(?:_\w+)?")
PLAIN_FLAG = re.compile(r"(train|training|val|validation|test|testing|holdout|held_out)")
UNUSED = re.compile(r"(cv_?)?folds?|k_?folds?|groups?")  # columns by which pictures are often held out


def with_one_column(
    path: Path, table: list[list[str]], several: bool = False
) -> tuple[list[list[str]], tuple[str, ...] | None]:
    """Converts a table with a column of 0 and 1 for each class, such as Roboflow's _classes.csv.

    Returns:
      (table with one column of classes, names of the classes). Columns such as is_valid become a column of splits.
      Other tables are returned unchanged.

    several: whether a picture may have any number of classes; the column of classes then contains JSON lists.

    Raises:
      UserError: a picture has no class, or several.
    """
    header = [one_line(cell) for cell in table[0]]
    lower = [cell.lower() for cell in header]
    rows = [[cell.strip() for cell in row] for row in table[1:]]
    if not set(lower) & set(SPLITS) and (named := _column_of_splits(lower, rows)) is not None:
        header[named] = lower[named] = SPLITS[0]
        for row in rows:
            row[named] = role(row[named], loosely=True) or TRAIN
        table = [header, *rows]
    marks = {n: match[1] for n, name in enumerate(lower) if (match := FLAG.fullmatch(name))}
    if set(lower) & set(CLASSES):
        plain = {n: match[1] for n, name in enumerate(lower) if (match := PLAIN_FLAG.fullmatch(name))}
        marks |= {n: word for n, word in plain.items() if all(is_true(row[n]) or is_false(row[n]) for row in rows)}
    if marks and not set(lower) & set(SPLITS):
        roles = [str(role(word)) for word in marks.values()]
        splits = [_marked([row[n] for n in marks], roles) for row in rows]
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
    if any(joined(header, row, columns) is None or "" in row for row in rows):
        return table, None
    rows = [["1" if n in columns and is_true(cell) else cell for n, cell in enumerate(row)] for row in rows]
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
    """(table with one column of `classes` in place of the columns of the classes, names of the classes)."""
    names = tuple(header[n] for n in columns)
    if len(set(names)) < len(names):
        raise UnreadableFile(f"{path} has two columns of the same name: give each class its own.")
    rest = [n for n in range(len(header)) if n not in columns]
    labelled = [[row[n] for n in rest] + [str(label)] for row, label in zip(rows, classes, strict=True)]
    return [[header[n] for n in rest] + [CLASSES[0]], *labelled], names


def _column_of_splits(header: list[str], rows: list[list[str]]) -> int | None:
    """A column with another name, all cells of which are names of splits, TRAIN among them; None if there is none.

    An empty cell in it means TRAIN.
    """
    for n, name in enumerate(header if len(header) > 2 else []):
        words = {row[n] for row in rows if row[n]}
        plain = all(re.fullmatch(r"[A-Za-z][A-Za-z _-]*", word) for word in words)  # file names have more letters
        roles = {role(word, loosely=True) for word in words} if plain and name not in (*FILES, *CLASSES) else set()
        if TRAIN in roles and len(roles) > 1 and None not in roles:
            return n
    return None


def _marked(cells: list[str], roles: list[str]) -> str:
    """The split of a row with columns such as is_valid: that of the first true cell.

    If no cell is true, it is TRAIN, or TEST if one of the columns marks the training rows.
    """
    true = [part for cell, part in zip(cells, roles, strict=True) if is_true(cell)]
    return next(iter(true), TRAIN if TRAIN not in roles else TEST)


def columns_of(path: Path, rows: list[list[str]], find: Callable[[str], Any]) -> tuple[int, int, int | None]:
    """The indices of the columns of file names, classes and, or None, splits.

    find: the picture that a cell names, or None.

    Raises:
      UserError: there is no column of file names or of classes.
    """
    header = [cell.strip().lower() for cell in rows[0]]
    if unused := [rows[0][n].strip() for n, name in enumerate(header) if UNUSED.fullmatch(name)]:
        once(
            f"{path}: its column {unused[0]!r} is not used. To hold rows out, write train and test into a column split."
        )
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
