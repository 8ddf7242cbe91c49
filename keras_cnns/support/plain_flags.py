"""The arguments of a command in its plain words, parsed without tyro, whose import takes longer than a file runs.

What is not plain (help, lists, a mistake) is left to tyro, which knows all of it and has the error messages.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Annotated, Any, get_args, get_origin, get_type_hints

PLAIN: dict[Any, Callable[[str], Any]] = {str: str, int: int, float: float, str | None: str}


@dataclass(frozen=True)
class Named:
    """How a flag is called whose parameter has another name: metadata of its annotation."""

    flag: str
    help: str


def plain_arguments(command: Callable[..., Any], words: Sequence[str]) -> tuple[list[Any], dict[str, Any]] | None:
    """The positional and the named arguments that the words stand for; None if tyro has to look at them.

    >>> plain_arguments(predict, ["a.png", "--model", "net.tflite", "--top", "3"])
    ([('a.png',)], {'model': 'net.tflite', 'top': 3})
    """
    parameters, hints = signature(command).parameters, get_type_hints(command, include_extras=True)
    flags = {_flag(name, hints[name]): name for name, p in parameters.items() if p.kind is Parameter.KEYWORD_ONLY}
    positional, named, remaining = [], {}, list(words)
    while remaining:
        word, *remaining = remaining
        if not word.startswith("-") or word == "-":
            positional.append(word)
            continue
        flag, equals, value = word.partition("=")
        name = flags.get(flag)
        if name is None or name in named:
            return None
        hint = get_args(hints[name])[0] if get_origin(hints[name]) is Annotated else hints[name]
        if hint is bool and not equals:
            named[name] = True
            continue
        if hint not in PLAIN or not equals and (not remaining or remaining[0].startswith("-")):
            return None
        try:
            named[name] = PLAIN[hint](value if equals else remaining.pop(0))
        except ValueError:
            return None
    required = {name for name in flags.values() if parameters[name].default is Parameter.empty}
    places = [hints[name] for name, p in parameters.items() if p.kind is Parameter.POSITIONAL_ONLY]
    if not required <= named.keys() or not positional:
        return None
    if places == [tuple[str, ...]]:
        return [tuple(positional)], named
    return (positional, named) if places == [str] * len(positional) else None


def _flag(name: str, hint: Any) -> str:
    renamed = [entry.flag for entry in getattr(hint, "__metadata__", ()) if isinstance(entry, Named)]
    return f"--{(renamed or [name])[0].replace('_', '-')}"
