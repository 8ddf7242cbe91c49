"""Files are written aside and renamed, so that an earlier good file survives a full disk or a killed process."""

import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

from keras_cnns.errors import UserError


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
