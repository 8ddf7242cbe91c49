"""Progress of what takes long, on the standard error: a bar on a terminal, a line every ten seconds elsewhere.

Nothing is shown unless a command has opened `shown()`, so functions may report in any place.
"""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")
PATIENCE = 5.0  # seconds of a command in which no line is printed
INTERVAL = 10.0  # seconds between two lines of one step
SHORT = 2.0  # seconds after a line in which steps that begin are not named


class Display(Protocol):
    """Where progress is shown."""

    def begin(self, what: str, total: int | None) -> None: ...
    def advance(self) -> None: ...
    def end(self) -> None: ...


_display: ContextVar[Display | None] = ContextVar("display", default=None)
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


class Lines:
    """Plain lines: the name of a step once the command has run for `PATIENCE`, then its progress."""

    def __init__(self) -> None:
        self.started = self.printed = time.monotonic()
        self.steps: list[list] = []  # [what, total, done, when it began], the innermost last

    def begin(self, what: str, total: int | None) -> None:
        now = time.monotonic()
        self.steps.append([what, total, 0, now])
        if now - self.started >= PATIENCE and now - self.printed >= SHORT:
            self._print(what, now)

    def advance(self) -> None:
        what, total, done, began = self.steps[-1]
        self.steps[-1][2] = done = done + 1
        now = time.monotonic()
        if now - self.printed < INTERVAL or total is None or done >= total:
            return
        self._print(f"{what}: {done} of {total}, about {duration((now - began) / done * (total - done))} left", now)

    def end(self) -> None:
        self.steps.pop()

    def _print(self, text: str, now: float) -> None:
        self.printed = now
        print(f"{duration(now - self.started):>7}  {text}", file=sys.stderr, flush=True)


class Bars:
    """A bar for each open step, which disappears with it."""

    def __init__(self) -> None:
        from rich.console import Console  # only here: commands that show no bar start faster without it
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.progress = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
        self.tasks: list = []

    def begin(self, what: str, total: int | None) -> None:
        if not self.tasks:
            self.progress.start()
        self.tasks.append(self.progress.add_task(what, total=total))

    def advance(self) -> None:
        self.progress.advance(self.tasks[-1])

    def end(self) -> None:
        self.progress.remove_task(self.tasks.pop())
        if not self.tasks:
            self.progress.stop()


@contextmanager
def shown(*, quiet: bool = False) -> Iterator[None]:
    """Shows the progress of what runs inside, unless `quiet`."""
    display: Display | None = None if quiet else Bars() if sys.stderr and sys.stderr.isatty() else Lines()
    token, quiet_token = _display.set(display), _quiet.set(quiet)
    try:
        yield
    finally:
        _display.reset(token)
        _quiet.reset(quiet_token)


def is_quiet() -> bool:
    """Whether the command that runs was asked to print only its result."""
    return _quiet.get()


@contextmanager
def step(what: str, total: int | None = None) -> Iterator[None]:
    """A step that takes a while; `total`: how many times `advance` will be called, if known."""
    display = _display.get()
    if display is None:
        yield
        return
    display.begin(what, total)
    try:
        yield
    finally:
        display.end()


def advance() -> None:
    """One more part of the innermost open step is done."""
    if (display := _display.get()) is not None:
        display.advance()


def track(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """The items, one after the other, as a step with their number as its total.

    >>> list(track([1, 2], "doubling"))
    [1, 2]
    """
    total = len(items) if total is None and isinstance(items, Sized) else total
    with step(what, total):
        for item in items:
            yield item
            advance()


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(4.2), duration(95), duration(7200)
    ('4 s', '1:35', '2:00:00')
    """
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours = seconds // 60 % 60, seconds // 3600
    return f"{hours}:{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"
