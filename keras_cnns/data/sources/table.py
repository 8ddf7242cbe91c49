"""Labels by a table: a CSV file beside the pictures with the class of each file."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_cnns.data.sources import walk
from keras_cnns.data.sources.splits import TRAIN, asked, role
from keras_cnns.support.errors import UserError, first_line, nearest
from keras_cnns.support.messages import once
from keras_cnns.support.untrusted import read_text

# the names of the columns, in the order in which they are looked for
FILES = (
    "file",
    "filename",
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
CLASSES = ("class", "label", "class_name", "category", "target", "species", "breed", "diagnosis", "y")
SPLITS = ("split", "subset", "partition")
DELIMITERS = ",;\t|"


def beside(root):
    """The tables with the labels of the pictures in `root`.

    That is `root` itself, if it is a file; or one table in it, or one for each split. Empty where the folders in `root`
    are classes.
    """
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise UserError(f"there is no table {root}.")
    tables = sorted(f for f in root.iterdir() if f.suffix.lower() == ".csv" and not walk.hidden(f.name))
    folders = walk.folders(root)
    classes = [f for f in folders if walk.has_pictures(f) or walk.folders(f)]
    plain = all(not walk.folders(f) for f in classes) and (len(classes) < 2 or all(role(f.name) for f in classes))
    if not tables or not plain or not walk.has_pictures(root):
        return []
    if len(tables) == 1:
        return tables
    splits = [f for f in tables if role(f.stem)]
    if any(role(f.stem) == TRAIN for f in splits):
        return splits
    labels = [f for f in tables if f.stem.lower() in ("labels", "label", "classes")]
    if len(labels) == 1:
        return labels
    raise UserError(f"{root} has several tables: {', '.join(f.name for f in tables)}. Give folder:PATH/TABLE.csv.")


def read(tables: Sequence[Path], root: Path, split: str) -> tuple[tuple[str, ...], list[Path], np.ndarray, bool]:
    """The rows of one split: of the split's own table, or of the only one.

    Returns:
      (names of the classes, files, labels int64 [n], whether the tables have splits of their own)

    Raises:
      UserError: a table cannot be read, its columns are unknown, or it names pictures that do not exist.
    """
    if len(tables) == 1:
        return _of_split(tables[0], root, split)
    by_role = {r: [f for f in tables if role(f.stem) == r] for r in {role(f.stem) for f in tables}}
    for several in by_role.values():
        if len(several) > 1:
            raise UserError(f"{root} has two tables for a split: {', '.join(f.name for f in several)}.")
    wanted = next((by_role[r][0] for r in asked(split) if r in by_role), None)
    if wanted is None:
        raise UserError(f"{root} has no table for the split {split!r}: it has {', '.join(f.name for f in tables)}.")
    training = by_role[TRAIN][0]
    names, files, labels = _numbered(training, _rows_of(training, root))
    if wanted != training:
        names, files, labels = _numbered(wanted, _rows_of(wanted, root), names)
    return names, files, labels, True


@dataclass(frozen=True)
class Row:
    """A picture, its class, and its split (a role of `splits`) where the table has a column for it."""

    picture: Path
    label: str
    split: str | None


def _of_split(path: Path, root: Path, split: str) -> tuple[tuple[str, ...], list[Path], np.ndarray, bool]:
    """The rows of a split in the only table; all rows where it has no column for the split."""
    rows = _rows_of(path, root)
    there = {row.split for row in rows if row.split}
    if not there:
        return *_numbered(path, rows), False
    wanted = next((r for r in asked(split) if r in there), None)
    if wanted is None or TRAIN not in there:
        missing = TRAIN if TRAIN not in there else split
        raise UserError(f"{path} has no row of the split {missing!r}: its rows are of {', '.join(sorted(there))}.")
    names, files, labels = _numbered(path, [row for row in rows if row.split == TRAIN])
    if wanted != TRAIN:
        names, files, labels = _numbered(path, [row for row in rows if row.split == wanted], names)
    return names, files, labels, True


def _rows_of(path: Path, root: Path) -> list[Row]:
    cells = _cells(path)
    places = Places(root if root.is_dir() else root.parent)
    file, label, split = _columns(path, cells, places)
    if not walk.is_picture(cells[0][file]) and not places.find(cells[0][file]):
        cells = cells[1:]  # the header
    rows, missing = [], []
    for row in cells:
        picture = places.find(row[file])
        if picture is None:
            missing.append(row[file])
        elif not row[label].strip():
            raise UserError(f"{path} has no class for {row[file]}: add it, or remove the row.")
        elif split is not None and role(row[split]) is None:
            raise UserError(
                f"{path} has the split {row[split]!r} for {row[file]}: it must be train, validation or test."
            )
        else:
            rows.append(Row(picture, row[label].strip(), None if split is None else role(row[split])))
    if missing:
        others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise UserError(
            f"{path} names {missing[0]!r}{others}, which is not a picture in {places.root}: remove the row."
        )
    if not rows:
        raise UserError(f"{path} names no picture: it needs a row (file name, class) for each.")
    twice = next((picture for picture, times in Counter(row.picture for row in rows).items() if times > 1), None)
    if twice:
        raise UserError(f"{path} names {twice.name} more than once: keep one row for each picture.")
    unnamed = len(set(places.all)) - len(rows)
    if unnamed and root.is_file():
        once(f"skipped: {unnamed} pictures that {path.name} does not name.")
    return rows


def _numbered(path: Path, rows: Sequence[Row], names: tuple[str, ...] | None = None):
    """(names of the classes, files, labels); names: the classes of the training split, for the others."""
    classes = [row.label for row in rows]
    if names is None:
        names = in_order(set(classes))
        _check_single_labels(path, names)
        if 1 < len(names) == len(rows):
            raise UserError(f"{path} has a different class for every picture: name the column of the classes 'class'.")
    unknown = next((label for label in classes if label not in names), None)
    if unknown is not None:
        raise UserError(f"{path} has a class {unknown!r} that the training pictures do not have: remove it.")
    return names, [row.picture for row in rows], np.array([names.index(label) for label in classes], np.int64)


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """The names of classes sorted: by value where all are numbers (2 before 10), else by letters."""
    names = sorted(names)
    try:
        values = [float(name) for name in names]
    except ValueError:
        return tuple(names)
    return tuple(names) if not np.isfinite(values).all() else tuple(sorted(names, key=float))


def _check_single_labels(path: Path, names: Sequence[str]) -> None:
    """Whether each cell holds one class, and not several labels.

    Raises:
      UserError: some cells join labels with | ; or , that other cells have too. Joined with spaces they could be names
        of several words, and a warning says so.
    """
    for separator, parts in (("|;,", r"[|;,]"), (" ", r"\s+")):
        words = {name: {part.strip() for part in re.split(parts, name)} - {""} for name in names}
        joined = [name for name in names if len(words[name]) > 1]
        uses = Counter(word for name in names for word in words[name])
        shared = [name for name in joined if any(uses[word] > 1 for word in words[name])]
        if not shared:
            continue
        if separator != " ":
            raise UserError(f"{path} has several labels in a cell, such as {shared[0]!r}: give each picture one class.")
        once(
            f"{path}: {shared[0]!r} is taken for one class, although other classes have some of its words. If cells "
            "hold several labels, give each picture one class."
        )


class Places:
    """The pictures below a folder, by the names that a table may use for them."""

    def __init__(self, root):
        self.root, self.all = root, walk.pictures(root)
        self.paths = {f.relative_to(root).as_posix(): f for f in self.all}
        self.names = _unique((f.name, f) for f in self.all)
        self.stems = _unique((f.stem, f) for f in self.all)

    def find(self, word):
        """The picture of that path, name, or name without suffix; None if there is none."""
        word = word.strip().replace("\\", "/").removeprefix("./")
        if word in self.paths:
            return self.paths[word]
        name = word.rsplit("/", 1)[-1]
        picture = self.names[name] if name in self.names else self.stems.get(name)
        if picture is None and (name in self.names or name in self.stems):
            raise UserError(f"several pictures below {self.root} are called {name}: give their paths in the table.")
        return picture


def _unique(pairs):
    """{word: its file, or None if there are several}."""
    unique = {}
    for word, file in pairs:
        unique[word] = None if word in unique else file
    return unique


def _cells(path):
    try:
        text = read_text(path)
    except (OSError, UserError) as error:
        raise UserError(f"cannot read the table: {first_line(error)} Save it as CSV in UTF-8.") from None
    first = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    try:
        rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise UserError(f"{path} cannot be read as CSV: {error}.") from None
    if not rows:
        raise UserError(f"{path} is empty: it needs a row (file name, class) for each picture.")
    short = next((row for row in rows if len(row) < 2), None)
    if short or any(len(row) != len(rows[0]) for row in rows):
        bad = short or next(row for row in rows if len(row) != len(rows[0]))
        raise UserError(
            f"{path} has a row of {len(bad)} columns, {', '.join(bad)[:80]!r}: file name and class are needed."
        )
    return rows


def _columns(path, rows, places):
    """The indices of the columns of file names, classes and, or None, splits."""
    header = [cell.strip().lower() for cell in rows[0]]
    split = next((header.index(name) for name in SPLITS if name in header), None) if len(header) > 2 else None
    file = next((header.index(name) for name in FILES if name in header), None)
    label = next((header.index(name) for name in CLASSES if name in header), None)
    if len(header) == 2:
        if file is None and label is None:  # an unknown header, or none: the column of files is the one with pictures
            file = next((i for i in (0, 1) if places.find(rows[-1][i])), 0)
        elif file is None:
            file = 1 - label
        label = 1 - file
    if file is None or label is None:
        missing = "a column of file names (call it file)" if file is None else "a column of classes (call it class)"
        raise UserError(f"{path} has no {missing[2:]}: its columns are {', '.join(rows[0])}.{nearest('class', header)}")
    return file, label, split
