"""A folder of pictures as a data set: a folder a class, with or without folders for the splits above them."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_cnns.data.sources.source import Source
from keras_cnns.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")
TRAIN, HELD_OUT = ("train", "training"), ("test", "val", "valid", "validation")
SEED, FIFTH = 0, 5


def open_folder(path, split):
    """The `split` of PATH/train/CLASS/* and PATH/test/CLASS/* (or val), or of PATH/CLASS/* with a fixed fifth held out.

    Classes are the folders' names, sorted. Hidden files and files of other kinds are passed over.

    Raises:
      UserError: no such folder, no classes in it, a class without pictures, no such split.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        raise UserError(f"no folder {root}: give folder:PATH with PATH/CLASS/*.jpg or PATH/train/CLASS/*.jpg in it.")
    splits = {folder.name: folder for folder in _folders(root)}
    if any(name in splits for name in TRAIN):
        folder = _split_folder(root, splits, split)
        names = tuple(f.name for f in _folders(_split_folder(root, splits, "train")))
        files, labels = _pictures(folder, names)
    else:
        names = tuple(splits)
        files, labels = _pictures(root, names)
        chosen = _fifth(labels, split, root)
        files, labels = [files[i] for i in chosen], labels[chosen]
    paths, classes = tf.constant([str(f) for f in files]), tf.constant(labels)

    def read(number):
        return tf.io.read_file(paths[number]), classes[number]

    return Source(names, len(files), read, lambda number: str(files[number]))


def _folders(root):
    return sorted(f for f in root.iterdir() if f.is_dir() and not f.name.startswith("."))


def _split_folder(root, splits, split):
    words = TRAIN if split in TRAIN else HELD_OUT if split in HELD_OUT else ()
    for name in (split, *words):
        if name in splits:
            return splits[name]
    raise UserError(f"{root} has no split {split!r}: it has {', '.join(splits)}.")


def _pictures(folder, names):
    if not names:
        raise UserError(f"{folder} has no class folders: put the pictures of each class into a folder of its name.")
    strange = [f.name for f in _folders(folder) if f.name not in names]
    if strange:
        raise UserError(f"{folder} has a class {strange[0]!r} that the training pictures have not: remove it.")
    files, labels = [], []
    for label, name in enumerate(names):
        found = sorted(f for f in (folder / name).glob("**/*") if f.suffix.lower() in SUFFIXES and f.name[0] != ".")
        if not found:
            raise UserError(f"{folder / name} has no pictures ({' '.join(SUFFIXES)}): add some or remove the folder.")
        files += found
        labels += [label] * len(found)
    return files, np.array(labels, np.int64)


def _fifth(labels, split, root):
    """Numbers of the examples in `split`; of every class one picture in five, at least one, is held out."""
    if split not in TRAIN + HELD_OUT:
        raise UserError(f"{root} has no split {split!r}: it is split into train and test.")
    held_out = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            raise UserError(f"{root} has a class with a single picture: training and testing need one each.")
        order = np.random.default_rng([SEED, int(label)]).permutation(members)
        held_out[order[: max(1, len(members) // FIFTH)]] = True
    return np.flatnonzero(held_out if split in HELD_OUT else ~held_out)
