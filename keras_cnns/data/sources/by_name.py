"""A data set's name becomes its examples."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from keras_cnns.data.sources.folder import open_folder
from keras_cnns.data.sources.tfds import open_tfds
from keras_cnns.support.errors import UserError
from keras_cnns.support.validation import short

FOLDER = "folder:"


def open_source(name, split, *, data_dir=None, download=False, limit=None):
    """The examples of a split by number, still encoded."""
    if not isinstance(name, str | Path) or not str(name):
        raise UserError(f"the data set is {short(name)}: give its name in tensorflow-datasets, or {FOLDER}PATH.")
    name = str(name)
    if name.startswith(FOLDER):
        source = open_folder(name[len(FOLDER) :], split)
    elif os.path.isdir(name):
        raise UserError(f"{name} is a folder: write {FOLDER}{name}.")
    else:
        source = open_tfds(name, split, data_dir=data_dir, download=download)
    if limit is None or limit >= source.count:
        return source
    if limit < 1:
        raise UserError(f"a limit of {limit} examples leaves nothing: give at least 1.")
    every, chosen = source, np.arange(limit) * source.count // limit  # a folder's pictures stand class by class
    return replace(
        source,
        count=limit,
        labels=None if every.labels is None else every.labels[chosen],
        files=None if every.files is None else [every.files[i] for i in chosen],
        read=lambda number: every.read(number * every.count // limit),
        where=lambda number: every.where(number * every.count // limit),
    )
