"""Networks of a thousand layers: Keras walks its graphs recursively, one call for every layer in a row."""

import sys
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def with_room(call: Callable[[], T]) -> T:
    """`call()`; where Python's stack is too short for it, once more with a longer one, which then stays."""
    try:
        return call()
    except RecursionError:
        sys.setrecursionlimit(100_000)
        return call()
