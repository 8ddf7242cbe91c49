"""Old spellings of public names: they work for one more release, with a DeprecationWarning."""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable)


def warn_renamed(old: str, new: str) -> None:
    """Warns, where the caller's caller stands, that `old` is now called `new`."""
    warnings.warn(
        f"{old} is now called {new}: the old name will be removed in the next release.", DeprecationWarning, 3
    )


def renamed_arguments(**new_names: str) -> Callable[[F], F]:
    """Decorates a function whose keyword arguments have new names: `renamed_arguments(old="new")`."""

    def decorate(function: F) -> F:
        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            for old in new_names.keys() & kwargs.keys():
                warn_renamed(f"{old}=", f"{new_names[old]}=")
                kwargs[new_names[old]] = kwargs.pop(old)
            return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]

    return decorate


def renamed_attribute(old: str, new: str) -> property:
    """A property that gives the attribute `new` under its old name: `old = renamed_attribute("old", "new")`."""

    def read(self: Any) -> Any:
        warn_renamed(f"{type(self).__name__}.{old}", f"{type(self).__name__}.{new}")
        return getattr(self, new)

    return property(read, doc=f"The old name of `{new}`.")
