"""Settings of an export that belong together; each class checks its own fields."""

import numbers
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_cnns.saving.card import Card, read_card
from keras_cnns.support.errors import BadArgument, UnreadableFile
from keras_cnns.support.sizes import bytes_of
from keras_cnns.support.validation import every, kind, number, path_of, short, whole
from keras_cnns.tflite.file.metadata import Normalization


def _by_number(names: dict[Any, Any]) -> Any:
    """The names of {0: "cat", 1: "dog"} or {"cat": 0, "dog": 1} in the order of their numbers; else the dict."""
    for by_number in (names, {value: key for key, value in names.items()}):
        if len(by_number) == len(names) and set(by_number) == set(range(len(names))):
            return tuple(by_number[position] for position in range(len(names)))
    return names


@dataclass(frozen=True)
class Ends:
    """Preprocessing before the network, and the head behind it.

    Attributes:
      preprocessing: a Keras layer or a list of them, put before the model, such as
        `keras.layers.Rescaling(1 / 127.5, offset=-1)`. Pictures are then the input of these layers.
      head: a key of `HEADS`: "logits", "softmax", "argmax", "top_k" or "parts"; None keeps the model's own.
      k: how many classes "top_k" returns.
      explain: "cam" adds the output `class_map`, [batch, rows, columns, classes]: where each class is seen. For
        networks that end in global average pooling and a dense layer.

    Raises:
      UserError: a field has the wrong type or value.

    >>> Exporter(model, ends=Ends(preprocessing=keras.layers.Rescaling(1 / 255), head="top_k", k=3))
    """

    preprocessing: Any = None
    head: str | None = None
    k: int = 5
    explain: str | None = None

    def __post_init__(self) -> None:
        for name in ("head", "explain"):
            if (value := getattr(self, name)) is not None and not isinstance(value, str):
                raise BadArgument(f"{name} must be a word, not {kind(value)}.")
        if not whole(self.k, 1):
            raise BadArgument(f"k is {short(self.k)}: give a whole number from 1.")


@dataclass(frozen=True)
class Description:
    """Metadata of a file.

    Attributes:
      names: names of the classes, in the order of the outputs, a list or a NumPy array; by default those of the card.
      card: more about the model (author, licence, source); by default the card in its `.keras` file.
      normalization: how an app turns pixels from 0 to 255 into the file's input; by default what the range of the
        pictures suggests (0 to 255, 0 to 1, -1 to 1).

    Raises:
      UserError: a field has the wrong type.

    >>> Exporter(model, description=Description(names=("cat", "dog")))
    """

    names: Any = None
    card: Card | None = None
    normalization: Normalization | None = None

    def __post_init__(self) -> None:
        if isinstance(self.names, np.ndarray) and self.names.ndim == 1:
            object.__setattr__(self, "names", tuple(self.names.tolist()))
        if isinstance(self.names, dict):
            object.__setattr__(self, "names", _by_number(self.names))
        if self.names is not None and not every(self.names, (str, numbers.Integral)):
            raise BadArgument(
                "names must be a list of the classes' names, or a dict of all numbers and names, {0: 'cat', 1: 'dog'}."
            )
        if self.card is not None and not isinstance(self.card, Card):
            raise BadArgument(f"card must be a keras_cnns.saving.card.Card, not {kind(self.card)}.")
        if self.normalization is not None and not isinstance(self.normalization, Normalization):
            raise BadArgument(f"normalization must be a metadata.Normalization, not {kind(self.normalization)}.")

    def card_of(self, model: keras.Model | str | os.PathLike) -> Card:
        """`card`; else that of the `.keras` file `model`; else one with the class names that Keras keeps."""
        if self.card is not None:
            return self.card
        if isinstance(model, (str, os.PathLike)) and os.path.isfile(model):
            return read_card(Path(model))
        names = getattr(model, "class_names", ())
        return Card(labels=tuple(map(str, names)) if isinstance(names, (list, tuple, np.ndarray)) else ())


FASTEST, SMALLEST = GOALS = ("fastest", "smallest")


@dataclass(frozen=True)
class Limits:
    """The limits of "auto", and what it chooses by.

    Attributes:
      max_drop: accuracy loss, a fraction: the drop in accuracy if labels show one, else the expected loss by the
        model's own probabilities.
      max_size: file size as a share of the float32 file's, such as 0.3; None for any.
      max_latency: time of a run in LiteRT as a share of the float32 file's; None for any.
      goal: of the files within the limits, the "fastest" or the "smallest".
      max_milliseconds: time of a run on the target, as its tool estimates it; None for any.
      ram, flash: memory of the target, bytes or texts such as "256k"; None for any.

    Raises:
      UserError: a field is not a number, or is not above zero; there is no such goal.

    >>> exporter.auto("net.tflite", Limits(max_drop=0.005, max_size=0.3, goal="smallest"))
    """

    max_drop: float = 0.01
    max_size: float | None = None
    max_latency: float | None = None
    goal: str = FASTEST
    max_milliseconds: float | None = None
    ram: int | str | None = None
    flash: int | str | None = None

    def __post_init__(self) -> None:
        if self.goal not in GOALS:
            raise BadArgument(f"goal is {short(self.goal)}: give {' or '.join(GOALS)}.")
        if not number(self.max_drop):
            raise BadArgument(f"max_drop is {short(self.max_drop)}: give a number, such as 0.01.")
        for name in ("max_size", "max_latency"):
            share = getattr(self, name)
            if share is not None and not (number(share) and share > 0):
                raise BadArgument(f"{name} is {short(share)}: give a share of the float32 file's, such as 0.2.")
        most = self.max_milliseconds
        if most is not None and not (number(most) and most > 0):
            raise BadArgument(f"max_milliseconds is {short(most)}: give a time above zero, such as 10.")
        for name in ("ram", "flash"):
            object.__setattr__(self, name, bytes_of(getattr(self, name), name))

    @property
    def of_target(self) -> bool:
        """Whether there is a limit that only a target other than LiteRT can be asked for."""
        return any(limit is not None for limit in (self.max_milliseconds, self.ram, self.flash))


def check_path(path: str | os.PathLike) -> Path:
    """The path of a `.tflite` file that can be written.

    Raises:
      UserError: it has another suffix, or is a folder, or its folder cannot be written to.
    """
    path = path_of(path)
    if path.suffix != ".tflite":
        raise BadArgument(f"{path} does not end in .tflite: give the file that ending.")
    if path.is_dir():
        raise UnreadableFile(f"{path} is a folder: give the name of a file.")
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UnreadableFile(f"cannot write {path}: {folder} is not a folder that you may write to.")
    return path
