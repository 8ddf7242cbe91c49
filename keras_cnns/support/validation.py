"""What callers give, looked at before it is used: paths, whole numbers, lists, and how to speak of what is none."""

import errno
import math
import numbers
import os
from dataclasses import fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from keras_cnns.support.errors import UserError


def path_of(value, what="path"):
    """`value` as a `Path`.

    Raises:
      UserError: it is no path.
    """
    if not isinstance(value, (str, os.PathLike)) or isinstance(os.fspath(value), bytes):
        raise UserError(f"{what} must be the path of a file, not {kind(value)}.")
    if "\0" in os.fspath(value) or not os.fspath(value):
        raise UserError(f"{what} {os.fspath(value)!r} is no path of a file.")
    try:
        os.stat(value)
    except UnicodeEncodeError:
        raise UserError(f"{what} {os.fspath(value)!r} is no path of a file.") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UserError(f"{what} {os.fspath(value)!r} is too long for the name of a file.") from None
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


def check_fields(record, of=""):
    """Looks at the fields of a dataclass's instance by their annotations; NumPy's numbers and paths become plain ones.

    Raises:
      UserError: a field has a value of another kind.
    """
    hints = get_type_hints(type(record))
    for field in fields(record):
        value, hint = plain(getattr(record, field.name)), hints[field.name]
        if not fits(value, hint):
            raise UserError(f"{of}{field.name} is {short(value)}: it must be {_worded(hint)}.")
        object.__setattr__(record, field.name, value)


def plain(value):
    """NumPy's numbers as Python's, paths as texts; all else as it is."""
    if isinstance(value, numbers.Number) and hasattr(value, "item"):
        return value.item()
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def fits(value, hint):
    """Whether a value is of an annotated kind; a list goes for a tuple, a whole number for any number."""
    kinds, origin = get_args(hint), get_origin(hint)
    if hint is Any or origin is Literal:  # what may stand there, the field's own check says
        return True
    if origin is UnionType:
        return any(fits(value, kind_) for kind_ in kinds)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            return False
        kinds = kinds[:1] * len(value) if kinds[-1] is Ellipsis else kinds
        return len(kinds) == len(value) and all(map(fits, map(plain, value), kinds))
    if origin is dict:
        return isinstance(value, dict) and all(fits(k, kinds[0]) and fits(plain(v), kinds[1]) for k, v in value.items())
    if hint is float:
        return number(value)
    if hint is int:
        return whole(value, -math.inf)
    return value is None if hint is NoneType else isinstance(value, hint)


WORDS = {int: "whole number", float: "finite number", bool: "truth value", str: "text", dict: "dict"}


def _worded(hint):
    kinds, origin = get_args(hint), get_origin(hint)
    if origin is UnionType:
        return " or ".join(map(_worded, kinds))
    if origin is tuple:
        word = WORDS[kinds[0]]
        return f"a list of {word}s" if kinds[-1] is Ellipsis else f"{len(kinds)} {word}s"
    if origin is dict:
        return "a dict of numbers by name"
    return "None" if hint is NoneType else f"a {WORDS.get(hint, getattr(hint, '__name__', hint))}"
