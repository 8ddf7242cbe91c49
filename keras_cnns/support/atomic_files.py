"""Writes files under a temporary name and renames them: a full disk or a killed process leaves the old file intact."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from keras_cnns.support.errors import UnreadableFile

OTHERS = {
    b"version https:/": "a git-lfs pointer; fetch the file itself with `git lfs pull`",
    b"<": "a web page (the address leads to a page, not to the file)",
    b"{": "JSON text (perhaps a server's reply instead of the file)",
    b"\x1f\x8b": "compressed (gunzip it first)",
    b"\x93NUMPY": "a NumPy array",
    b"\x08": "perhaps an ONNX model",
}


@contextmanager
def written_aside(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a temporary path in the same folder with the same suffix, and renames that file to `path` at the end.

    If the body fails, the temporary file is deleted and `path` is unchanged.

    Raises:
      UnreadableFile: the folder cannot be created or written (no permission, no space left).
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())  # the data is on the disk before the name refers to it
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        raise UnreadableFile(f"cannot write {path}: {error.strerror or error}. It was left unchanged.") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes `text` to `path`, completely or not at all."""
    with written_aside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Writes `value` as indented JSON to `path`, completely or not at all."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(text: str | bytes) -> Any:
    """Parses JSON. Raises ValueError if it is malformed or nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def what_is(path: Path) -> str:
    """Describes a file that is often mistaken for a model or for weights, by its first bytes; "" if it is none."""
    with open(path, "rb") as file:
        start = file.read(16)
    if not start:
        return "empty"
    if path.suffix in (".index", ".pb") or ".data-0" in path.name:
        return "part of a TensorFlow checkpoint (load it in TensorFlow and save the weights as .weights.h5)"
    if start[4:8] == b"TFL3":
        return "a .tflite file (give the .keras file that it was made from)"
    begin = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((kind for prefix, kind in OTHERS.items() if begin.startswith(prefix)), "")
