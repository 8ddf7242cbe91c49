"""Labels by a table: a CSV file beside the pictures that says the class of each file."""

import csv

import numpy as np

from keras_cnns.data.sources import walk
from keras_cnns.data.sources.splits import TRAIN, asked, role
from keras_cnns.support.errors import UserError, first_line, nearest
from keras_cnns.support.messages import once
from keras_cnns.support.untrusted import read_text

# how the columns are called, in the order in which they are looked for
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
DELIMITERS = ",;\t|"


def beside(root):
    """The tables that say what the pictures of `root` are: itself, or one in it where there are no class folders, or
    one for each split; none where folders say it."""
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


def read(tables, root, split):
    """(names of the classes, files, labels) of the one table, or of the split's own.

    Raises:
      UserError: a table cannot be read, its columns are not known, or it names pictures that are not there.
    """
    if len(tables) == 1:
        return _labelled(tables[0], root)
    found = {r: [f for f in tables if role(f.stem) == r] for r in {role(f.stem) for f in tables}}
    for several in found.values():
        if len(several) > 1:
            raise UserError(f"{root} has two tables for a split: {', '.join(f.name for f in several)}.")
    wanted = next((found[r][0] for r in asked(split) if r in found), None)
    if wanted is None:
        raise UserError(f"{root} has no table for the split {split!r}: it has {', '.join(f.name for f in tables)}.")
    names, files, labels = _labelled(found[TRAIN][0], root)
    return (names, files, labels) if wanted == found[TRAIN][0] else _labelled(wanted, root, names)


def _labelled(path, root, names=None):
    rows = _rows(path)
    places = Places(root if root.is_dir() else root.parent)
    file, label = _columns(path, rows, places)
    if not walk.is_picture(rows[0][file]) and not places.find(rows[0][file]):
        rows = rows[1:]  # the columns' names
    files, classes, missing = [], [], []
    for row in rows:
        found = places.find(row[file])
        if found is None:
            missing.append(row[file])
        elif not row[label].strip():
            raise UserError(f"{path} has no class for {row[file]}: add it, or remove the row.")
        else:
            files.append(found)
            classes.append(row[label].strip())
    if missing:
        others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise UserError(
            f"{path} names {missing[0]!r}{others}, which is no picture below {places.root}: remove the row."
        )
    if not files:
        raise UserError(f"{path} names no picture: it needs a row (file name, class) for each.")
    twice = next((f for f, seen in _counts(files).items() if seen > 1), None)
    if twice:
        raise UserError(f"{path} names {twice.name} more than once: leave one row of each picture.")
    known = names or tuple(sorted(set(classes)))
    strange = next((c for c in classes if c not in known), None)
    if strange is not None:
        raise UserError(f"{path} has a class {strange!r} that the training pictures have not: remove it.")
    if names is None and len(known) > 1 and len(known) == len(files):
        raise UserError(f"{path} has another class for every picture: which column holds the classes? Call it class.")
    left = len(set(places.all)) - len(files)
    if left and names is None and root.is_file():
        once(f"passed over: {left} pictures that {path.name} does not name.")
    return known, files, np.array([known.index(c) for c in classes], np.int64)


class Places:
    """The pictures below a folder, by whatever a table may call them."""

    def __init__(self, root):
        self.root, self.all = root, walk.pictures(root)
        self.paths = {f.relative_to(root).as_posix(): f for f in self.all}
        self.names = _unique((f.name, f) for f in self.all)
        self.stems = _unique((f.stem, f) for f in self.all)

    def find(self, word):
        """The picture that a table means: by its path, its name, or its name without the ending; None for none."""
        word = word.strip().replace("\\", "/").removeprefix("./")
        if word in self.paths:
            return self.paths[word]
        name = word.rsplit("/", 1)[-1]
        found = self.names[name] if name in self.names else self.stems.get(name)
        if found is None and (name in self.names or name in self.stems):
            raise UserError(f"several pictures below {self.root} are called {name}: give their paths in the table.")
        return found


def _unique(pairs):
    """{word: what it stands for, None where it stands for several}."""
    found = {}
    for word, file in pairs:
        found[word] = None if word in found else file
    return found


def _counts(values):
    counts = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


def _rows(path):
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
    """Which column holds the file names, which the classes."""
    header = [cell.strip().lower() for cell in rows[0]]
    file = next((header.index(name) for name in FILES if name in header), None)
    label = next((header.index(name) for name in CLASSES if name in header), None)
    if len(header) == 2:
        if file is None and label is None:  # no names, or unknown ones: the column with the pictures tells
            file = next((i for i in (0, 1) if places.find(rows[-1][i])), 0)
        elif file is None:
            file = 1 - label
        label = 1 - file
    if file is None or label is None:
        missing = "a column of file names (call it file)" if file is None else "a column of classes (call it class)"
        raise UserError(f"{path} has no {missing[2:]}: its columns are {', '.join(rows[0])}.{nearest('class', header)}")
    return file, label
