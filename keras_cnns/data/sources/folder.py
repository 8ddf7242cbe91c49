"""Pictures with labels in a folder: one folder for each class, inside folders for the splits or not; or a table.

PATH/CLASS/*.jpg                      a fifth of every class is held out, always the same one
PATH/train/CLASS/*.jpg, PATH/test/CLASS/*.jpg     or Training, seg_train/seg_train, val, TEST ... (`splits.py`)
PATH/*.jpg, PATH/labels.csv           a table of file names and classes (`table.py`)
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_cnns.data.sources import table, walk
from keras_cnns.data.sources.class_names import one_line
from keras_cnns.data.sources.sample import Sample
from keras_cnns.data.sources.source import Source
from keras_cnns.data.sources.splits import TEST, TRAIN, VALIDATION, asked, role
from keras_cnns.data.sources.table_files import TABLES
from keras_cnns.support.errors import UnreadableFile, nearest
from keras_cnns.support.messages import listed, once

SEED, FIFTH = 0, 5

Labelled = tuple[Sequence[str], Sequence[Path], np.ndarray]  # the names of the classes, the files, their labels


def open_folder(path: str, split: str, several: bool = False) -> Source:
    """The pictures of one split of a folder.

    several: whether a picture may have any number of labels, from a table. Labels are then float32 [classes].

    The classes are the names of the folders, sorted. Hidden folders, hidden files and files of other kinds are skipped.

    Raises:
      UserError: the folder or split does not exist, has no classes, or has a class without pictures; or the folder
        seems to be one level too high or too low.
    """
    root = Path(path).expanduser()
    if not root.is_dir() and root.suffix.lower() not in TABLES:
        raise UnreadableFile(
            f"there is no folder {root}: give folder:PATH with PATH/CLASS/*.jpg or PATH/train/CLASS/*.jpg in it."
        )
    try:
        return _source(root, *_split(root, split, several))
    except OSError as error:
        raise UnreadableFile(f"cannot read the folder {error.filename or root}: {error.strerror}.") from error


def _split(root: Path, split: str, several: bool) -> Labelled:
    """(names of the classes, files, labels) of a split."""
    tables = table.beside(root)
    if tables:
        names, files, labels, divided = table.read(tables, root, split, several)
        return (names, files, labels) if divided else _part(names, files, labels, split, root)
    if several:
        raise UnreadableFile(
            f"{root} has no table: several labels for a picture are read from labels.csv with the columns file and "
            "labels (separated with |), or with a column of 0 and 1 for each label."
        )
    splits = _splits(root)
    if not splits:
        return _part(*_classes(root), split, root)
    training = _classes(_inner(_chosen(root, splits, "train")))
    if TRAIN in asked(split):
        return training
    return _classes(_inner(_chosen(root, splits, split)), training[0])


def _source(root: Path, names: Sequence[str], files: Sequence[Path], labels: np.ndarray) -> Source:
    folder = root if root.is_dir() else root.parent
    paths, classes = tf.constant([bytes(file) for file in files]), tf.constant(labels)

    def fingerprint() -> str:
        numbers = labels if labels.ndim == 1 else [",".join(map(str, np.flatnonzero(row))) for row in labels]
        lines = [f"{label} {file.relative_to(folder).as_posix()}" for file, label in zip(files, numbers, strict=True)]
        return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()

    return Source(
        names=tuple(map(one_line, names)),
        count=len(files),
        read=lambda number: Sample(tf.io.read_file(paths[number]), label=classes[number]),
        where=lambda number: str(files[number]),
        labels=labels,
        fingerprint=fingerprint,
        files=files,
    )


def _splits(root: Path) -> dict[Path, str | None]:
    """{folder: its role, such as TRAIN} if the folders in `root` are splits, else {}."""
    folders = walk.folders(root)
    clear = {f: role(f.name) for f in folders if role(f.name)}
    every = {role(f.name, loosely=True) for f in folders}
    flat = {TRAIN} < every and None not in every  # trainA, trainB, testA are not names of classes
    loose = {f: role(f.name, loosely=True) for f in folders if f not in clear and (flat or walk.folders(f))}
    splits = clear | {f: r for f, r in loose.items() if r}
    others = [f for f in folders if f not in splits]
    nested = [f for f in splits if splits[f] == TRAIN and any(map(walk.has_pictures, walk.folders(f)))]
    both = {TRAIN} < set(clear.values())
    if not splits or not (nested or both or not others):
        return {}
    beside = [f.name for f in others if walk.has_pictures(f, below=False)]
    if beside and len(set(splits.values())) == 1:
        raise UnreadableFile(
            f"{root} holds {nested[0].name} with folders in it, and pictures in {beside[0]}: is the first a class, or "
            f"are these the training pictures? Move it, or give folder:{nested[0]}."
        )
    if others:
        once(f"skipped, since they are not splits: {_listed(others)} in {root}.")
    return splits


def _chosen(root: Path, splits: dict[Path, str | None], split: str) -> Path:
    """The folder of a split. A folder of exactly that name is preferred to one whose name means the same."""
    named = [f for f in splits if f.name == split and split not in (TRAIN, TEST, VALIDATION)]
    for wanted in asked(split):
        candidates = named or [f for f in splits if splits[f] == wanted]
        if len(candidates) > 1:
            several = _listed(candidates)
            raise UnreadableFile(f"{root} has {len(candidates)} folders for {wanted}: {several}. Keep one of them.")
        if candidates:
            return candidates[0]
    alone = f" To hold a fifth of it out: folder:{next(iter(splits))}." if asked(split) and len(splits) == 1 else ""
    raise UnreadableFile(f"{root} has no split {split!r}: it has {_listed(splits)}.{alone}")


def _inner(folder: Path) -> Path:
    """The folder with the classes: archives often contain seg_train/seg_train."""
    inside = walk.folders(folder)
    while len(inside) == 1 and not walk.has_pictures(folder, below=False):
        (subfolder,) = inside
        same = role(subfolder.name, loosely=True) == role(folder.name, loosely=True)
        if not walk.folders(subfolder) or not (same or len(walk.folders(subfolder)) > 1):
            break
        folder, inside = subfolder, walk.folders(subfolder)
    return folder


def _classes(folder: Path, names: Sequence[str] | None = None) -> Labelled:
    """(names of the classes, files, labels) of a folder of class folders.

    names: the classes of the training split, if this is another split.
    """
    inside = walk.folders(folder)
    if not inside:
        raise UnreadableFile(
            f"{folder} has no class folders: put the pictures of each class into a folder of its name, or a table "
            "labels.csv (file name, class) beside them."
        )
    _check_depth(folder, inside)
    if names is not None and (strange := [f.name for f in inside if f.name not in names]):
        raise UnreadableFile(
            f"{folder} has a folder for the class {strange[0]!r}, which has no training pictures: rename or remove it."
            f"{nearest(strange[0], names)}"
        )
    held_out = names is not None
    names = names or tuple(f.name for f in inside)
    _note_order(folder, names)
    files, labels = [], []
    for label, name in enumerate(names):
        pictures = walk.pictures(folder / name) if (folder / name).is_dir() else []
        if not pictures and held_out and not walk.endings(folder / name):
            once(f"{folder} has no pictures of {name!r}, which is a class in training: this class is not measured.")
        elif not pictures:
            raise UnreadableFile(
                f"{folder / name} has no pictures{_instead(folder / name)}: add some or remove the folder."
            )
        files += pictures
        labels += [label] * len(pictures)
    loose = sum(walk.is_picture(f.name) for f in folder.iterdir() if f.is_file())
    if loose:
        once(f"skipped: {loose} pictures in {folder} that are in no class's folder.")
    return names, files, np.array(labels, np.int64)


def _note_order(folder: Path, names: Sequence[str]) -> None:
    """Notes that class folders with numbers as names are sorted as texts, if that differs from the order by value."""
    if all(name.isdecimal() for name in names) and list(names) != sorted(names, key=int):
        once(
            f"{folder}: the class folders are numbers, and are sorted as texts, as in Keras and torchvision: "
            f"output 2 is {names[2]!r}."
        )


def _check_depth(folder: Path, inside: Sequence[Path]) -> None:
    """Raises UserError if the pictures lie so deep that `folder` is probably one level above the right one."""
    deep = {f: [g for g in walk.folders(f) if walk.has_pictures(g)] for f in inside}
    split = next((f for f in inside if any(role(g.name) == TRAIN for g in deep[f])), None)
    flat = any(walk.has_pictures(f, below=False) for f in inside)
    if split is None and (flat or not (len(inside) == 1 and deep[inside[0]] or any(len(d) > 1 for d in deep.values()))):
        return
    there = split or max(inside, key=lambda f: len(deep[f]))
    raise UnreadableFile(
        f"{folder} is one level too high: it contains {_listed(inside)}, and {there.name} contains "
        f"{_listed(deep[there])}. Give folder:{there}, or move the pictures of each class right into its folder."
    )


def _part(names: Sequence[str], files: Sequence[Path], labels: np.ndarray, split: str, root: Path) -> Labelled:
    """The samples of a split: one picture in five of every class, at least one, is held out.

    With labels [n, classes], one picture in five of all is held out.
    """
    wanted = next(iter(asked(split)), None)
    if wanted is None:
        raise UnreadableFile(f"{root} has no split {split!r}: it is split into {TRAIN} and {TEST}.")
    held_out = np.zeros(len(labels), bool)
    if labels.ndim == 2:
        if len(labels) < 2:
            raise UnreadableFile(f"{root} has a single picture: add more, since training and testing need one each.")
        held_out[np.random.default_rng(SEED).permutation(len(labels))[: max(1, len(labels) // FIFTH)]] = True
    for label in np.unique(labels) if labels.ndim == 1 else ():
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            raise UnreadableFile(
                f"{root} has a class with a single picture, {names[label]}: training and testing need one each."
            )
        order = np.random.default_rng([SEED, int(label)]).permutation(members)
        held_out[order[: max(1, len(members) // FIFTH)]] = True
    chosen = np.flatnonzero(~held_out if wanted == TRAIN else held_out)
    return names, [files[i] for i in chosen.tolist()], labels[chosen]


def _listed(folders: Iterable[Path]) -> str:
    return listed(folder.name for folder in folders)


def _instead(folder: Path) -> str:
    endings = walk.endings(folder) if folder.is_dir() else []
    return f", but files that are not read ({' '.join(endings[:5])})" if endings else ""
