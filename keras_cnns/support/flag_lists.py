"""Lists on the command line, as people write them: `--threads 1 2 4` and `--threads 1,2,4`."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_origin, get_type_hints

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def tuple_flags(command: Callable[..., Any] | type) -> set[str]:
    """The flags of a function or dataclass that take several values, such as {"--threads"}."""
    hints = get_type_hints(command)
    names = [field.name for field in fields(command)] if is_dataclass(command) else hints
    return {f"--{name.strip('_').replace('_', '-')}" for name in names if get_origin(hints[name]) is tuple}


def split_lists(words: Sequence[str], flags: Collection[str]) -> list[str]:
    """The words of a command line with the comma-separated values of these flags as words of their own.

    >>> split_lists(["a,b.tflite", "--threads", "1,2"], {"--threads"})
    ['a,b.tflite', '--threads', '1', '2']
    """
    split: list[str] = []
    inside = False
    for word in words:
        flag, equals, value = word.partition("=")
        if word.startswith("--"):
            inside = word in flags
            if equals and flag in flags:
                split += [flag, *_values(value)]
                continue
        split += _values(word) if inside and not word.startswith("--") else [word]
    return split


def _values(word: str) -> list[str]:
    return [word] if Path(word).exists() else [part for part in word.split(",") if part] or [word]


def join_values(words: Sequence[str], flag: str) -> list[str]:
    """The words with several numbers after one name of a `name value` flag joined by commas.

    >>> join_values(["--overrides", "scales", "24", "32", "width", "1"], "--overrides")
    ['--overrides', 'scales', '24,32', 'width', '1']
    """
    joined: list[str] = []
    place = -1  # words since the flag: 1 is a name, 2 its value
    for word in words:
        if word.startswith("--"):
            place = 0 if word == flag else -1
        elif place >= 0:
            place += 1
            if place > 2 and NUMBER.fullmatch(word) and NUMBER.fullmatch(joined[-1].split(",")[-1]):
                joined[-1] += f",{word}"
                place = 2
                continue
            place = 1 if place > 2 else place
        joined.append(word)
    return joined
