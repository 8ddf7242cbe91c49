"""Pictures with labels in a table beside them, which has the class of each file: CSV, TSV, JSONL or Parquet."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from keras_cnns.data.sources import walk
from keras_cnns.data.sources.class_names import one_line
from keras_cnns.data.sources.splits import TRAIN, asked, role, role_of_folders
from keras_cnns.data.sources.table_columns import columns_of, with_one_column
from keras_cnns.data.sources.table_files import TABLES, cells
from keras_cnns.data.sources.table_several import as_list, gathered, labels_of, multi_hot
from keras_cnns.support.errors import BadArgument, UnreadableFile
from keras_cnns.support.messages import once


def beside(root: Path) -> list[Path]:
    """The tables with the labels of the pictures in `root`; none if the folders in `root` are classes.

    `root` may itself be a table. Otherwise there is one table, or one for each split, in `root` or in the folders of
    the splits.
    """
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise UnreadableFile(f"there is no table {root}.")
    tables = _tables_in(root)
    folders = walk.folders(root)
    if not tables:
        return _of_split_folders(folders)
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
    raise UnreadableFile(f"{root} has several tables: {', '.join(f.name for f in tables)}. Give folder:PATH/TABLE.csv.")


def _tables_in(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.suffix.lower() in TABLES and not walk.hidden(f.name))


def _of_split_folders(folders: Iterable[Path]) -> list[Path]:
    """The tables in the folders of the splits, as Roboflow and Hugging Face's imagefolder write them."""
    tables = []
    for folder in (f for f in folders if role(f.name) and walk.has_pictures(f)):
        inside = _tables_in(folder)
        if len(inside) > 1:
            raise UnreadableFile(f"{folder} has several tables: {', '.join(f.name for f in inside)}. Keep one of them.")
        if any(walk.has_pictures(f) for f in walk.folders(folder)) and len(walk.folders(folder)) > 1:
            return []  # folders of classes
        tables += inside
    return tables if any(_role(table) == TRAIN for table in tables) else []


def _role(table: Path) -> str | None:
    """The split of a table: by its name, or its folder's."""
    return role(table.stem) or role(table.parent.name)


def read(
    tables: Sequence[Path], root: Path, split: str, several: bool = False
) -> tuple[tuple[str, ...], list[Path], np.ndarray, bool]:
    """The rows of one split, from the table of this split or from the only table.

    several: whether a picture may have any number of labels.

    Returns:
      (names of the classes, files, labels int64 [n], or with `several` float32 [n, classes] of 0 and 1, whether the
      tables have splits of their own)

    Raises:
      UserError: a table cannot be read, its columns are unknown, or it names pictures that do not exist.
    """
    if len(tables) == 1:
        return _of_split(tables[0], root, split, several)
    by_role = {r: [f for f in tables if _role(f) == r] for r in {_role(f) for f in tables}}
    for both in by_role.values():
        if len(both) > 1:
            raise UnreadableFile(f"{root} has two tables for a split, {', '.join(f.name for f in both)}: keep one.")
    wanted = next((by_role[r][0] for r in asked(split) if r in by_role), None)
    if wanted is None:
        raise UnreadableFile(
            f"{root} has no table for the split {split!r}: it has {', '.join(f.name for f in tables)}."
        )
    training = by_role[TRAIN][0]
    rows, columns = _rows_of(training, root, several)
    names, files, labels = _numbered(training, rows, columns, several)
    if wanted != training:
        names, files, labels = _numbered(wanted, _rows_of(wanted, root, several)[0], names, several)
    return names, files, labels, True


@dataclass(frozen=True)
class Row:
    """A picture, its class (or the cell with its labels), and its split (a role of `splits`) if a column states it."""

    picture: Path
    label: str
    split: str | None


def _of_split(
    path: Path, root: Path, split: str, several: bool
) -> tuple[tuple[str, ...], list[Path], np.ndarray, bool]:
    """The rows of a split in the only table; all rows if neither a column nor folders state their splits."""
    rows, columns = _rows_of(path, root, several)
    if not any(row.split for row in rows):
        rows = _split_by_folders(rows, root)
    there = {row.split for row in rows if row.split}
    if not there:
        return *_numbered(path, rows, columns, several), False
    wanted = next((r for r in asked(split) if r in there), None)
    if wanted is None or TRAIN not in there:
        missing = TRAIN if TRAIN not in there else split
        raise UnreadableFile(f"{path} has no row of the split {missing!r}: its rows are of {', '.join(sorted(there))}.")
    names, files, labels = _numbered(path, [row for row in rows if row.split == TRAIN], columns, several)
    if wanted != TRAIN:
        names, files, labels = _numbered(path, [row for row in rows if row.split == wanted], names, several)
    return names, files, labels, True


def _split_by_folders(rows: list[Row], root: Path) -> list[Row]:
    """The rows, each with the split of the innermost folder of a split that contains its picture.

    They stay as they are if some folder is not that of a split, or all are for training.
    """
    folder = root if root.is_dir() else root.parent
    roles = [role_of_folders(row.picture, folder) for row in rows]
    if not all(roles) or set(roles) == {TRAIN}:
        return rows
    return [replace(row, split=part) for row, part in zip(rows, roles, strict=True)]


def _rows_of(path: Path, root: Path, several: bool) -> tuple[list[Row], tuple[str, ...] | None]:
    """(rows, names of the classes if each has its own column, else None)."""
    places = Places(path.parent)
    table, columns = with_one_column(path, cells(path), several)
    file, label, split = columns_of(path, table, places.find)
    if not walk.is_picture(table[0][file]) and not places.find(table[0][file]):
        table = table[1:]  # the header
    rows, missing = [], []
    for row in table:
        picture = places.find(row[file])
        if picture is None:
            missing.append(row[file])
        elif not row[label].strip() and not several:
            raise UnreadableFile(f"{path} has no class for {row[file]}: add it, or remove the row.")
        elif split is not None and role(row[split]) is None:
            raise BadArgument(
                f"{path} has the split {row[split]!r} for {row[file]}: it must be train, validation or test."
            )
        else:
            cell = row[label].strip() if several else one_line(_unwrapped(row[label]))
            rows.append(Row(picture, cell, None if split is None else role(row[split])))
    if missing:
        others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise UnreadableFile(
            f"{path} names {missing[0]!r}{others}, which is not a picture in {places.root}: remove the row."
        )
    if not rows:
        raise UnreadableFile(f"{path} names no picture: it needs a row (file name, class) for each.")
    if several and len({(row.picture, row.split) for row in rows}) == len({row.picture for row in rows}):
        labels = gathered(path, [(row.picture, row.label) for row in rows])
        rows = [replace(row, label=labels.pop(row.picture)) for row in rows if row.picture in labels]
    twice = next((picture for picture, times in Counter(row.picture for row in rows).items() if times > 1), None)
    if twice:
        raise UnreadableFile(f"{path} names {twice.name} more than once: keep one row for each picture.")
    unnamed = len(set(places.all)) - len(rows)
    if unnamed and root.is_file():
        once(f"skipped: {unnamed} pictures that {path.name} does not name.")
    return rows, columns


def _unwrapped(cell: str) -> str:
    """The label in a cell; that of a list with a single label, as in JSONL and Parquet."""
    listed = as_list(cell)
    return listed[0] if listed is not None and len(listed) == 1 else cell


def _numbered(
    path: Path, rows: Sequence[Row], names: tuple[str, ...] | None, several: bool
) -> tuple[tuple[str, ...], list[Path], np.ndarray]:
    """(names of the classes, files, labels). names: the classes of the training split, if this is another split."""
    if several:
        labels = labels_of(path, [row.label for row in rows], names)
        pictures = [row.picture for row in rows]
        names = names or in_order({label for each in labels for label in each})
        if not names:
            raise UnreadableFile(f"{path} has no label for any picture: add some.")
        return names, pictures, multi_hot(path, labels, pictures, names)
    classes = [row.label for row in rows]
    if names is None:
        names = in_order(set(classes))
        _check_single_labels(path, names)
        if 1 < len(names) == len(rows):
            raise UnreadableFile(
                f"{path} has a different class for every picture: name the column of the classes 'class'."
            )
    unknown = next((label for label in classes if label not in names), None)
    if unknown is not None:
        raise UnreadableFile(f"{path} has a class {unknown!r} that the training pictures do not have: remove it.")
    return names, [row.picture for row in rows], np.array([names.index(label) for label in classes], np.int64)


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """The names of classes, sorted: by value if all are numbers (2 before 10), otherwise as texts."""
    names = sorted(names)
    try:
        values = [float(name) for name in names]
    except ValueError:
        return tuple(names)
    return tuple(names) if not np.isfinite(values).all() else tuple(sorted(names, key=float))


def _check_single_labels(path: Path, names: Sequence[str]) -> None:
    """Checks that each cell contains one class, and not several labels.

    If cells contain words that are also cells of their own, separated by spaces, they may be names of several words: a
    warning says so.

    Raises:
      UserError: some cells join labels of other cells with | ; or ,
    """
    listed = next((name for name in names if len(as_list(name) or ()) > 1), None)
    if listed is not None:
        raise UnreadableFile(_several(path, listed))
    for separator, parts in (("|;,", r"[|;,]"), ("/+&", r"[/+&]"), (" ", r"\s+")):
        words = {name: {part.strip() for part in re.split(parts, name)} - {""} for name in names}
        joined = [name for name in names if len(words[name]) > 1]
        uses = Counter(word for name in names for word in words[name])
        shared = [name for name in joined if any(uses[word] > 1 for word in words[name])]
        if shared and separator == "|;,":
            raise UnreadableFile(_several(path, shared[0]))
        if separator == "|;,":  # "bar, grill" can be a name; with the others it hardly is
            shared = [name for name in joined if "|" in name or ";" in name]
        if not shared:
            continue
        once(
            f"{path}: {shared[0]!r} is read as one class, although it looks like several. If cells "
            "hold several labels, give each picture one class, or train them at once (--labels several)."
        )


def _several(path: Path, cell: str) -> str:
    return (
        f"{path} has several labels in a cell, such as {cell!r}: give each picture one class, or train several labels "
        "at once (--labels several)."
    )


class Places:
    """The pictures in a folder and its subfolders, by the names that a table may use for them."""

    def __init__(self, root: Path) -> None:
        self.root, self.all = root, walk.pictures(root)
        self.paths = {f.relative_to(root).as_posix(): f for f in self.all}
        self.names = _unique((f.name, f) for f in self.all)
        self.stems = _unique((f.stem, f) for f in self.all)

    def find(self, word: str) -> Path | None:
        """The picture with that path, name, or name without suffix; None if it does not exist."""
        word = word.strip().replace("\\", "/").removeprefix("./")
        if word in self.paths:
            return self.paths[word]
        name = word.rsplit("/", 1)[-1]
        picture = self.names[name] if name in self.names else self.stems.get(name)
        if picture is None and (name in self.names or name in self.stems):
            raise UnreadableFile(
                f"several pictures below {self.root} are called {name}: give their paths in the table."
            )
        return picture


def _unique(pairs: Iterable[tuple[str, Path]]) -> dict[str, Path | None]:
    """{word: its file, or None if there are several}."""
    unique = {}
    for word, file in pairs:
        unique[word] = None if word in unique else file
    return unique
