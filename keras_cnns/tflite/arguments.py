"""What `export` is given, checked before anything is opened: each mistake in one line that names the argument."""

import numbers

from keras_cnns.arguments import every, kind, number, short, whole
from keras_cnns.card import Card
from keras_cnns.errors import UserError
from keras_cnns.tflite.file.metadata import Normalization
from keras_cnns.tflite.quantize.tuning import Tuning


def check(*, batch, max_drop, k, islands, names, card, normalization, tuning, max_size, max_latency, **words):
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
        raise UserError(f"card must be a keras_cnns.card.Card, not {kind(card)}.")
    if normalization is not None and not isinstance(normalization, Normalization):
        raise UserError(f"normalization must be a metadata.Normalization, not {kind(normalization)}.")
    if tuning is not None and not isinstance(tuning, Tuning):
        raise UserError(f"tuning must be a keras_cnns.tflite.Tuning, not {kind(tuning)}.")
    for name, share in {"max_size": max_size, "max_latency": max_latency}.items():
        if share is not None and not (number(share) and share > 0):
            raise UserError(f"{name} is {short(share)}: give a share of the float32 file's, such as 0.2.")
