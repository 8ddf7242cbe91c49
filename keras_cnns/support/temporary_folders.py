"""Temporary folders that the next process deletes if their own was killed."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from keras_cnns.support.errors import UserError, first_line
from keras_cnns.support.owners import is_abandoned, mark

PREFIX = "keras_cnns-"
ROOM = 2**20  # bytes; AutoGraph writes a file of a few KiB for each function of a training


@contextmanager
def temporary_folder(parent: str | os.PathLike | None = None, prefix: str = PREFIX) -> Iterator[Path]:
    """Yields a new folder in `parent`, which is deleted at the end. Those that killed processes left are deleted first.

    parent: the system's folder for temporary files if it is None. prefix: how the names of these folders begin.

    Raises:
      OSError: the folder cannot be made.
    """
    parent = Path(parent or tempfile.gettempdir())
    remove_abandoned(parent, prefix)
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}{mark()}", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def everything_temporary_inside() -> Iterator[None]:
    """Lets all Python code of this process put its temporary files into one `temporary_folder`.

    TensorFlow's AutoGraph, for one, leaves its files behind when the process is killed. Without room for a folder,
    nothing changes.
    """
    before = tempfile.tempdir
    try:
        manager = temporary_folder()
        folder = manager.__enter__()
    except OSError:
        yield
        return
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        manager.__exit__(None, None, None)


def check_room() -> None:
    """Checks that there is room for ROOM bytes of temporary files.

    Without room for its files, TensorFlow's AutoGraph does not translate functions, and they fail in odd ways.

    Raises:
      UserError: there is not.
    """
    try:
        with tempfile.TemporaryFile() as file:
            file.write(bytes(ROOM))
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise UserError(
            f"there is no room for temporary files in {tempfile.tempdir} ({reason}): set TMPDIR to another folder."
        ) from error


def remove_abandoned(parent: Path, prefix: str) -> None:
    """Deletes the folders in `parent` whose names begin with `prefix` and whose process is gone; never a link."""
    with suppress(OSError):
        for entry in os.scandir(parent):
            if entry.name.startswith(prefix):
                with suppress(OSError):
                    folder = Path(entry.path)
                    if stat.S_ISDIR(folder.lstat().st_mode) and is_abandoned(folder, prefix):
                        shutil.rmtree(folder, ignore_errors=True)
