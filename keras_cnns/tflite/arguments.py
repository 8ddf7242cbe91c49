"""What `export` is given, checked before anything is opened: each mistake in one line that names the argument."""

import numbers
import os

from keras_cnns.saving.card import Card
from keras_cnns.support.errors import UserError
from keras_cnns.support.validation import every, kind, number, short, whole
from keras_cnns.tflite.file.metadata import Normalization
from keras_cnns.tflite.quantize import tuning as tune
from keras_cnns.tflite.quantize.tuning import Tuning

TYPES = ("float32", "int8", "uint8")
ENGINES = ("quantizer", "converter")


def check(*, batch, max_drop, k, islands, names, card, normalization, tuning, max_size, max_latency, spare, **words):
    """Refuses arguments of `export` that are not what they should be.

    words: those that are one of several words, or None.

    Raises:
      UserError: naming the argument.
    """
    for name, value in words.items():
        if value is not None and not isinstance(value, str):
            raise UserError(f"{name} must be a word, not {kind(value)}.")
    if batch is not None and not whole(batch, 1):
        raise UserError(f"batch is {short(batch)}: give a whole number from 1, or None to leave it open.")
    if not whole(k, 1):
        raise UserError(f"k is {short(k)}: give a whole number from 1.")
    if not number(max_drop):
        raise UserError(f"max_drop is {short(max_drop)}: give a number, such as 0.01.")
    if islands is not None and not every(islands, str):
        raise UserError('islands must be a list of operators, such as ["ADD"].')
    if islands is not None and words["scheme"] not in ("int8_float_islands", "auto"):
        raise UserError(f"{words['scheme']} has no islands that stay in floats: islands goes with int8_float_islands.")
    if names is not None and not every(names, (str, numbers.Integral)):
        raise UserError("names must be a list of the classes' names.")
    if card is not None and not isinstance(card, Card):
        raise UserError(f"card must be a keras_cnns.saving.card.Card, not {kind(card)}.")
    if normalization is not None and not isinstance(normalization, Normalization):
        raise UserError(f"normalization must be a metadata.Normalization, not {kind(normalization)}.")
    if tuning is not None and not isinstance(tuning, Tuning):
        raise UserError(f"tuning must be a keras_cnns.tflite.Tuning, not {kind(tuning)}.")
    if spare is not None and not (number(spare) and 0 < spare < 1):
        raise UserError(f"spare is {short(spare)}: give a share between 0 and 1, such as 0.75.")
    for name, share in {"max_size": max_size, "max_latency": max_latency}.items():
        if share is not None and not (number(share) and share > 0):
            raise UserError(f"{name} is {short(share)}: give a share of the float32 file's, such as 0.2.")


def check_scheme(path, scheme, row, options):
    """What can be said of the arguments before minutes are spent."""
    check_target(path)
    _check_types(scheme, row, options["input_type"], options["output_type"])
    engine = options["engine"]
    if engine not in ENGINES:
        raise UserError(f"there is no engine {engine!r}: choose from {', '.join(ENGINES)}.")
    tune.check(scheme, row, options)


def check_target(path):
    """Before minutes are spent: can a file be made there?"""
    if path.suffix != ".tflite":
        raise UserError(f"{path} does not end in .tflite.")
    if path.is_dir():
        raise UserError(f"{path} is a folder: give the name of a file.")
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UserError(f"cannot write {path}: {folder} is no folder one may write in.")


def _check_types(scheme, row, *types):
    for name in types:
        if name not in TYPES:
            raise UserError(f"there is no input or output type {name!r}: choose from {', '.join(TYPES)}.")
        if name != "float32" and not row.integer_io:
            raise UserError(f"{scheme} has no {name} inputs and outputs: that needs a scheme such as int8.")
