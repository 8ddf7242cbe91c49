"""A lock on a file or a folder, for what only one process may do at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

try:
    import fcntl
except ImportError:  # Windows, where nothing is locked
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(path: str | os.PathLike, *, wait: bool, create: bool = False) -> Iterator[bool]:
    """Holds the lock of the file or folder at `path` during the body; a process that ends, or is killed, releases it.

    Yields whether the lock is held. Where there are no such locks (Windows, some network drives), it counts as held.

    wait: until another process has released it. create: an empty file if there is none.

    Raises:
      OSError: there is no such file, or it may not be read.
    """
    if fcntl is None and os.path.isdir(path):
        yield True
        return
    handle = os.open(path, os.O_RDWR | os.O_CREAT if create else os.O_RDONLY, 0o666)
    try:
        yield _lock(handle, wait) and _is(handle, path)
    finally:
        os.close(handle)


def _lock(handle: int, wait: bool) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # a drive without locks
        return True
    return True


def _is(handle: int, path: str | os.PathLike) -> bool:
    """Whether the file that was opened still has this name."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False
