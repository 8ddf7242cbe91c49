"""What lies in a folder of pictures: the folders and the pictures that a person would count."""

import os
from pathlib import Path

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
    """(folder, names of its files) of a folder and all below, by path; through links, each folder once."""
    seen = set()
    for where, inner, files in os.walk(folder, followlinks=True):
        status = os.stat(where)
        if (status.st_dev, status.st_ino) in seen:
            inner.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        inner[:] = sorted(name for name in inner if not hidden(name))
        yield where, sorted(name for name in files if not hidden(name))
