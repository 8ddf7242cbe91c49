"""What lies in a folder of pictures: the folders and the pictures that a person would count."""

import os
from contextlib import suppress
from pathlib import Path

from keras_cnns.support.messages import once
from keras_cnns.support.untrusted import kind_of_file

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".bmp", ".dib", ".gif", ".webp", ".avif"),
    *(".tif", ".tiff", ".jp2", ".ppm", ".pgm", ".pbm", ".pnm"),
)
# left behind by notebooks, Macs, Windows, network drives and archives
LITTER = {"__macosx", "@eadir", "#recycle", "#snapshot", "$recycle.bin", "system volume information", "lost+found"}
LITTER |= {"__pycache__", "thumbs.db", "desktop.ini"}


def folders(folder):
    """The folders in a folder, by name, without hidden ones."""
    return sorted(f for f in Path(folder).iterdir() if not hidden(f.name) and f.is_dir())


def pictures(folder):
    """The pictures in a folder and in all below it, by path; hidden folders and files are passed over."""
    return sorted(Path(where) / name for where, names in _walk(folder) for name in names if is_picture(name))


def has_pictures(folder, *, below=True):
    """Whether there are pictures in it, or, without `below`, right in it."""
    if not below:
        return any(is_picture(f.name) and f.is_file() for f in Path(folder).iterdir())
    return any(is_picture(name) for _, names in _walk(folder) for name in names)


def endings(folder):
    """The endings of the files in a folder and below it that are no pictures, the most frequent first."""
    found = [Path(name).suffix.lower() for _, names in _walk(folder) for name in names if not is_picture(name)]
    return sorted({e for e in found if e}, key=lambda ending: (-found.count(ending), ending))


def is_picture(name):
    return not hidden(name) and name.lower().endswith(SUFFIXES)


def hidden(name):
    return name.startswith(".") or name.lower() in LITTER


def _walk(folder):
    """(folder, names of its files) of a folder and all below, by path; through links, each folder once.

    Named pipes, sockets and devices are passed over: to open one may wait for ever.
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
            once(f"passed over: {os.path.join(where, name)} is {special[name]}.")
        yield where, sorted(name for name in files if not hidden(name) and name not in special)


def _special(folder):
    """{name: what it is} of the pipes, sockets and devices in a folder. A link to nowhere is none of them."""
    special = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if not (entry.is_file(follow_symlinks=False) or entry.is_dir()):
                with suppress(OSError):
                    if kind := kind_of_file(entry.path):
                        special[entry.name] = kind
    return special
