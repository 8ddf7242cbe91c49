"""Checks of arguments before they are used, and the words for them in error messages."""

import errno
import math
import numbers
import os
from dataclasses import dataclass, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from keras_cnns.support.errors import BadArgument, nearest


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


def text_of(value: Any, what: str) -> str:
    """`value`, which must be a text; `what` names the argument in the error message.

    Raises:
      BadArgument: it is something else.
    """
    if not isinstance(value, str):
        raise BadArgument(f"{what} must be a text, not {kind(value)}.")
    return value


def check_flags(**flags: Any) -> None:
    """Checks that arguments can be taken for true or false; they are named in the error message.

    Raises:
      BadArgument: one is an array or something else that is neither.
    """
    for name, value in flags.items():
        try:
            bool(value)
        except Exception:  # of arrays and tensors, each an error of its own
            raise BadArgument(f"{name} must be True or False, not {kind(value)}.") from None


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


@dataclass(frozen=True)
class Range:
    """The numbers that a field may have, as metadata of its annotation: `Annotated[float, Range(0, below=1)]`."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    def __contains__(self, value: float) -> bool:
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        words = {"at least": self.least, "more than": self.above, "at most": self.most, "less than": self.below}
        return " and ".join(f"{word} {limit:g}" for word, limit in words.items() if limit is not None)


def check_fields(record: Any, of: str = "") -> None:
    """Checks the fields of a dataclass against their annotations; NumPy numbers and paths become plain values.

    Args:
      record: an instance. of: what a message writes before the name of a field.

    Raises:
      BadArgument: a value of another type, outside of its `Range`, or none of the words of its `Literal`.
    """
    hints = get_type_hints(type(record), include_extras=True)
    for field in fields(record):
        value, hint = plain(getattr(record, field.name)), hints[field.name]
        limits = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        hint = get_args(hint)[0] if limits else hint
        name = of + field.name
        if get_origin(hint) is Literal:
            known = get_args(hint)
            if not isinstance(value, str) or value not in known:
                raise BadArgument(
                    f"{name} {short(value)} is unknown: one of {', '.join(known)}.{nearest(value, known)}"
                )
        elif not fits(value, hint):
            raise BadArgument(f"{name} is {short(value)}: it must be {_in_words(hint)}.")
        for limit in limits:
            if isinstance(limit, Range) and value not in limit:
                raise BadArgument(f"{name} is {value}: it must be {limit}.")
        object.__setattr__(record, field.name, value)


def plain(value: Any) -> Any:
    """A NumPy number as a Python number, a path as a string; everything else unchanged."""
    if isinstance(value, numbers.Number) and hasattr(value, "item"):
        return value.item()
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def fits(value: Any, hint: Any) -> bool:
    """Whether a value matches an annotation; a list is accepted as a tuple, a whole number as a float."""
    kinds, origin = get_args(hint), get_origin(hint)
    if hint is Any:
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
