"""The flag --overrides with names and values, such as `--overrides width 0.35 scales 24 32 48`."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from keras_cnns.support.errors import BadArgument
from keras_cnns.support.flag_lists import join_values

FLAG = "--overrides"


def take_overrides(words: Sequence[str], overrides: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Takes the flag --overrides out of a command line: (the other words, the overrides of the recipe, updated).

    Both spellings are read: `--overrides scales 24 32` and `--overrides.scales 24 32`. If a column is itself a dict, a
    further dot names its key: `--overrides.columns.widths 8 16`.

    >>> take_overrides(["--overrides", "scales", "24,32", "--epochs", "3"], {"scales": (20, 40), "rpn": 128})
    (['--epochs', '3'], {'scales': '24,32', 'rpn': 128})

    Raises:
      BadArgument: a name without a value.
    """
    others: list[str] = []
    merged = deepcopy(overrides)
    for flag, values in _flags(words):
        if flag.split(".")[0] == FLAG:
            values = [value.rstrip(",") for value in values]  # 24, 32, 48
        if flag == FLAG:
            pairs = join_values([flag, *values], FLAG)[1:]
            if not pairs or len(pairs) % 2:
                raise BadArgument(
                    f"{FLAG} takes names and values, such as {FLAG} width 0.35 scales 24 32 48; "
                    f"{pairs[-1] + ' has no value' if pairs else 'there are none'}."
                )
            for name, value in zip(pairs[0::2], pairs[1::2], strict=True):
                _set(merged, name, value)
        elif flag.startswith(f"{FLAG}."):
            _set(merged, flag.removeprefix(f"{FLAG}."), ",".join(values))
        else:
            others += [flag, *values] if flag else values
    return others, merged


def _flags(words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """(flag, the words after it) of a command line; "" for the words before the first flag."""
    flag = ""
    values: list[str] = []
    for word in words:
        if word.startswith("--"):
            if flag or values:
                yield flag, values
            name, equals, value = word.partition("=")
            ours = equals and name.split(".")[0] == FLAG
            flag, values = (name, [value]) if ours else (word, [])
        else:
            values.append(word)
    if flag or values:
        yield flag, values


def _set(overrides: dict[str, Any], name: str, text: str) -> None:
    """Sets a column by its dotted name. A single value becomes a list if the recipe has a list for the column."""
    *outer, last = name.split(".")
    for part in outer:
        inner = overrides.setdefault(part, {})
        if not isinstance(inner, dict):
            raise BadArgument(f"{FLAG} {name}: {part} has no columns of its own.")
        overrides = inner
    several = isinstance(overrides.get(last), (list, tuple))
    overrides[last] = f"({text},)" if several and text and text[0] not in "([" else text
