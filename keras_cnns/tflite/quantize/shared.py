"""Results that several files of one network share."""

from collections.abc import Callable, Hashable
from typing import TypeVar

T = TypeVar("T")


class Shared:
    """Remembers results by what they were computed from."""

    def __init__(self) -> None:
        self._results: dict[Hashable, object] = {}

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """`compute()`, or what it returned before for the same key."""
        if key not in self._results:
            self._results[key] = compute()
        return self._results[key]  # type: ignore[return-value]
