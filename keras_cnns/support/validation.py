"""Checks of arguments before they are used, and the words for them in error messages."""

import errno
import math
import numbers
import os
from dataclasses import fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from keras_cnns.support.errors import BadArgument


def path_of(value: Any, what: str = "path") -> Path:
    """`value` as a `Path`; `what` names the argument in the error message.

    Raises:
      BadArgument: it is not a path that a file could have.
    """
    if not isinstance(value, (str, os.PathLike)) or isinstance(os.fspath(value), bytes):
        raise BadArgument(f"{what} must be the path of a file, not {kind(value)}.")
    if "\0" in os.fspath(value) or not os.fspath(value):
        raise BadArgument(f"{what} {os.fspath(value)!r} is not a valid path.")
    try:
        os.stat(value)
    except UnicodeEncodeError:
        raise BadArgument(f"{what} {os.fspath(value)!r} is not a valid path.") from None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise BadArgument(f"{what} {os.fspath(value)!r} is too long for a file name.") from None
    return Path(value)


def whole(value: Any, least: float) -> bool:
    """Whether `value` is a whole number of at least `least`; True and False are not numbers."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= least


def number(value: Any) -> bool:
    """Whether `value` is a finite number; True and False are not numbers."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)


def every(values: Any, kinds: Any) -> bool:
    """Whether `values` is a list, tuple or range whose elements are all instances of `kinds`."""
    return isinstance(values, (list, tuple, range)) and all(isinstance(value, kinds) for value in values)


def kind(value: Any) -> str:
    """The type of `value` in words, such as "a dict"."""
    return f"a {type(value).__name__}" if value is not None else "None"


def short(value: Any) -> str:
    """The `repr` of `value` on one line, truncated to 60 characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:60]} ..."


def check_fields(record: Any, of: str = "") -> None:
    """Checks the fields of a dataclass instance against their annotations, and converts NumPy numbers and paths.

    Args:
      record: the instance; its fields are changed in place, even if it is frozen.
      of: what precedes the field's name in the message, such as "augment.".

    Raises:
      BadArgument: a field has a value of another type.
    """
    hints = get_type_hints(type(record))
    for field in fields(record):
        value, hint = plain(getattr(record, field.name)), hints[field.name]
        if not fits(value, hint):
            raise BadArgument(f"{of}{field.name} is {short(value)}: it must be {_in_words(hint)}.")
        object.__setattr__(record, field.name, value)


def plain(value: Any) -> Any:
    """A NumPy number as a Python number, a path as a string; everything else unchanged."""
    if isinstance(value, numbers.Number) and hasattr(value, "item"):
        return value.item()
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def fits(value: Any, hint: Any) -> bool:
    """Whether a value matches an annotation; a list is accepted as a tuple, a whole number as a float."""
    kinds, origin = get_args(hint), get_origin(hint)
    if hint is Any or origin is Literal:  # checked by the class itself
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


WORDS: dict[Any, str] = {int: "whole number", float: "finite number", bool: "bool", str: "string", dict: "dict"}


def _in_words(hint: Any) -> str:
    kinds, origin = get_args(hint), get_origin(hint)
    if origin is UnionType:
        return " or ".join(map(_in_words, kinds))
    if origin is tuple:
        word = WORDS[kinds[0]]
        return f"a list of {word}s" if kinds[-1] is Ellipsis else f"{len(kinds)} {word}s"
    if origin is dict:
        return "a dict of numbers by name"
    return "None" if hint is NoneType else f"a {WORDS.get(hint, getattr(hint, '__name__', hint))}"
