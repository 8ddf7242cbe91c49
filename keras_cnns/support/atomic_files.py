"""Files are written aside and renamed, so that an earlier good file survives a full disk or a killed process."""

import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

from keras_cnns.support.errors import UserError

OTHERS = {
    b"version https:/": "a pointer of git-lfs, the file itself was not fetched (`git lfs pull`)",
    b"<": "a page of the web (the address leads to a page, not to the file)",
    b"{": "text in JSON (perhaps a server's answer in place of the file)",
    b"\x1f\x8b": "compressed (gunzip it first)",
    b"\x93NUMPY": "a NumPy array",
    b"\x08": "perhaps an ONNX model",
}


@contextmanager
def written_aside(path):
    """Yields a temporary path beside `path`, with its suffix; at the end the file there takes `path`'s place.

    When the body fails, `path` is as it was and the temporary file is gone.

    Raises:
      UserError: the folder cannot be made or written (missing rights, no space left).
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(temporary)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())  # the bytes are on the disk before the name points at them
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}. Nothing there was changed.") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def write_text(path, text):
    """Writes `text` to `path`, whole or not at all."""
    with written_aside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, value):
    """Writes `value` as indented JSON to `path`, whole or not at all."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(text):
    """What a text in JSON means. Raises ValueError: it is none, or nests deeper than anybody writes."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("its brackets nest too deep") from None


def what_is(path):
    """What a file is by its first bytes, where it is one of those that lie around in the place of another; or ""."""
    with open(path, "rb") as file:
        start = file.read(16)
    if not start:
        return "empty"
    if path.suffix in (".index", ".pb") or ".data-0" in path.name:
        return "part of what TensorFlow saves (open it there and save the model's weights as .weights.h5)"
    if start[4:8] == b"TFL3":
        return "a .tflite file (give the .keras file it was made from)"
    begin = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((what for begins, what in OTHERS.items() if begin.startswith(begins)), "")
