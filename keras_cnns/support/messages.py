"""Notes and warnings: logged to "keras_cnns", and printed as plain lines while a command runs."""

import logging
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from keras_cnns.support.errors import printable

LOG = logging.getLogger("keras_cnns")
_warned: set[str] = set()


def once(message: str) -> None:
    """Logs a warning the first time it occurs in a process."""
    if message not in _warned:
        _warned.add(message)
        LOG.warning("%s", message)


def listed(names: Iterable[str], most: int = 5) -> str:
    """The first `most` names, with commas, and the number of the others.

    >>> listed(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


class _StderrHandler(logging.Handler):
    """Prints each message once, on one line of the standard error; warnings begin with "warning: "."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.printed: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.print(record.getMessage(), "warning: " if record.levelno >= logging.WARNING else "")

    def print(self, message: object, prefix: str = "warning: ") -> None:
        line = prefix + printable(" ".join(str(message).split()))
        if line not in self.printed:
            self.printed.add(line)
            print(line, file=sys.stderr)


@contextmanager
def in_lines(*, quiet: bool = False) -> Iterator[None]:
    """Within this context, this package's messages and Python's `warnings` go to the standard error, one line each.

    quiet: print none of them.
    """
    if any(isinstance(handler, _StderrHandler) for handler in LOG.handlers):  # a command called by a command
        yield
        return
    handler, propagate, level = _StderrHandler(), LOG.propagate, LOG.level
    _warned.clear()
    LOG.addHandler(handler)
    LOG.propagate = False
    LOG.setLevel(logging.ERROR if quiet else logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *args, **kwargs: None if quiet else handler.print(message)
            yield
    finally:
        LOG.removeHandler(handler)
        LOG.propagate = propagate
        LOG.setLevel(level)
