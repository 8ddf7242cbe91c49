"""What callers give, looked at before it is used: paths, whole numbers, lists, and how to speak of what is none."""

import math
import numbers
import os
from pathlib import Path

from keras_cnns.errors import UserError


def path_of(value, what="path"):
    """`value` as a `Path`.

    Raises:
      UserError: it is no path.
    """
    if not isinstance(value, (str, os.PathLike)) or isinstance(os.fspath(value), bytes):
        raise UserError(f"{what} must be the path of a file, not {kind(value)}.")
    if "\0" in os.fspath(value) or not os.fspath(value):
        raise UserError(f"{what} {os.fspath(value)!r} is no path of a file.")
    return Path(value)


def whole(value, least):
    """Whether this is a whole number from `least`; True and False are none."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and value >= least


def number(value):
    """Whether this is a finite number; True and False are none."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def every(values, kinds):
    """Whether this is a list, tuple or range of such things alone."""
    return isinstance(values, (list, tuple, range)) and all(isinstance(value, kinds) for value in values)


def kind(value):
    """What sort of thing this is, for a sentence."""
    return f"a {type(value).__name__}" if value is not None else "None"


def short(value):
    """The value as it would be written, for a sentence; not more than a line can hold."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:60]} ..."
