"""Writes files under a temporary name and renames them: a full disk or a killed process leaves the old file intact."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Any

from keras_cnns.support.errors import UnreadableFile, UserError
from keras_cnns.support.owners import is_abandoned, mark
from keras_cnns.support.untrusted import kind_of_file, open_regular, utf8

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

    If the body fails, the temporary file is deleted and `path` is unchanged. Temporary files of the same `path` that a
    killed process left are deleted first.

    Raises:
      UnreadableFile: the folder cannot be created or written (no permission, no space left), or `path` is a folder, a
        named pipe or a device.
      UserError: from the body; where its message names the temporary file, it names `path` instead.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        if path.exists() and (kind := kind_of_file(path)):
            raise UnreadableFile(f"cannot write {path}: it is {kind}. It was left unchanged.")
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(path)
        handle, name = tempfile.mkstemp(prefix=f"{_prefix(path)}{mark()}", suffix=path.suffix, dir=path.parent)
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
        reason = str(error.strerror or error)
        own = isinstance(error.filename, str) and Path(error.filename).name.startswith(_prefix(path))
        if isinstance(error.filename, str) and not own and error.filename not in (str(temporary), str(path)):
            reason = f"{error.filename}: {reason}"  # of a file that the body uses
        raise UnreadableFile(
            f"cannot write {path}: {_public(reason, temporary, path)}. It was left unchanged."
        ) from error
    except UserError as error:
        if temporary is not None and temporary.name in str(error):
            error.args = (_public(str(error), temporary, path),)
        raise
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def remove_stale(path: Path) -> None:
    """Deletes the temporary files of `path` whose process is gone (`owners.is_abandoned`)."""
    for file in path.parent.glob(f"{escape(_prefix(path))}*-*-*{escape(path.suffix)}"):
        with suppress(OSError):
            if is_abandoned(file, _prefix(path), path.suffix):
                file.unlink()


def _prefix(path: Path) -> str:
    """How the names of the temporary files of `path` begin; short, since a name has at most 255 bytes."""
    return f".{path.stem.encode(errors='replace')[:100].decode(errors='ignore')}-"


def _public(message: str, temporary: Path | None, path: Path) -> str:
    """The message with the user's path where it names the temporary file."""
    if temporary is None:
        return message
    return message.replace(str(temporary), str(path)).replace(temporary.name, path.name)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes `text` to `path`, completely or not at all; what UTF-8 cannot hold, as in names of files, is escaped."""
    with written_aside(path) as temporary:
        temporary.write_text(utf8(text), encoding="utf-8")


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Writes `value` as indented JSON to `path`, completely or not at all."""
    write_text(path, json_text(value, indent=1) + "\n")


def json_text(value: Any, indent: int | None = None) -> str:
    """`value` as JSON that UTF-8 can hold; of file names that are not in UTF-8, the odd bytes are escaped (\\udcff)."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text


def what_is(path: Path) -> str:
    """Describes a file that is often mistaken for a model or for weights, by its first bytes; "" if it is none."""
    with open_regular(path) as file:
        start = file.read(16)
    if not start:
        return "empty"
    if path.suffix in (".index", ".pb") or ".data-0" in path.name:
        return "part of a TensorFlow checkpoint (load it in TensorFlow and save the weights as .weights.h5)"
    if start[4:8] == b"TFL3":
        return "a .tflite file (give the .keras file that it was made from)"
    begin = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((kind for prefix, kind in OTHERS.items() if begin.startswith(prefix)), "")
