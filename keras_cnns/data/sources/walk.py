"""The folders and the pictures in a folder, without hidden files and files that operating systems leave behind."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from keras_cnns.support.messages import once
from keras_cnns.support.untrusted import kind_of_file

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".bmp", ".dib", ".gif", ".webp", ".avif"),
    *(".tif", ".tiff", ".jp2", ".ppm", ".pgm", ".pbm", ".pnm"),
)
# created by notebooks, macOS, Windows, network drives and archives
LITTER = {"__macosx", "@eadir", "#recycle", "#snapshot", "$recycle.bin", "system volume information", "lost+found"}
LITTER |= {"__pycache__", "thumbs.db", "desktop.ini"}


def folders(folder: str | Path) -> list[Path]:
    """The folders in a folder, by name, without hidden ones."""
    return sorted(f for f in Path(folder).iterdir() if not hidden(f.name) and f.is_dir())


def pictures(folder: str | Path) -> list[Path]:
    """The pictures in a folder and its subfolders, sorted by path, without hidden ones."""
    return sorted(Path(where) / name for where, names in _walk(folder) for name in names if is_picture(name))


def in_turn(folder: str | Path) -> Iterator[Path]:
    """The files in a folder and all below it, without hidden ones: a folder's own by name, then those below it.

    Only one folder's names are held at a time.
    """
    for where, names in _walk(folder):
        yield from (Path(where) / name for name in names)


def has_pictures(folder: str | Path, *, below: bool = True) -> bool:
    """Whether a folder contains pictures. below: whether pictures in its subfolders count."""
    if not below:
        return any(is_picture(f.name) and f.is_file() for f in Path(folder).iterdir())
    return any(is_picture(name) for _, names in _walk(folder) for name in names)


def files(folder: str | Path, *suffixes: str) -> list[Path]:
    """The files with one of these suffixes (lower case) in a folder and its subfolders, sorted, without hidden ones."""
    names = ((where, name) for where, inner in _walk(folder) for name in inner)
    return sorted(Path(where) / name for where, name in names if name.lower().endswith(suffixes))


def endings(folder: str | Path) -> list[str]:
    """The suffixes of the files in a folder and its subfolders that are not pictures, the most frequent first."""
    suffixes = [Path(name).suffix.lower() for _, names in _walk(folder) for name in names if not is_picture(name)]
    return sorted({s for s in suffixes if s}, key=lambda suffix: (-suffixes.count(suffix), suffix))


def is_picture(name: str) -> bool:
    return not hidden(name) and name.lower().endswith(SUFFIXES)


def hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in LITTER


def _walk(folder: str | Path) -> Iterator[tuple[str, list[str]]]:
    """(folder, names of its files) of a folder and all below, by path; follows links, and visits each folder once.

    Named pipes, sockets and devices are skipped: opening one may block forever.
    """
    seen = set()
    for where, inner, files in os.walk(folder, followlinks=True):
        status = os.stat(where)
        if (status.st_dev, status.st_ino) in seen:
            inner.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        inner[:] = sorted(name for name in inner if not hidden(name))
        special = _special(where) if files else {}
        for name in sorted(set(special) & {name for name in files if is_picture(name)}):
            once(f"skipped: {os.path.join(where, name)} is {special[name]}.")
        yield where, sorted(name for name in files if not hidden(name) and name not in special)


def _special(folder: str) -> dict[str, str]:
    """{name: kind} of the pipes, sockets and devices in a folder. A broken link is none of them."""
    special = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if not (entry.is_file(follow_symlinks=False) or entry.is_dir()):
                with suppress(OSError):
                    if kind := kind_of_file(entry.path):
                        special[entry.name] = kind
    return special
