"""Reading what other people wrote: files, folders and the names, sizes and structures that stand in them.

Nothing in such a file is believed before it is checked: a path stays in its folder, only regular files are opened, a
declared size is compared with the bytes that are there, and JSON, XML and YAML have limits of size and depth. Zip
archives: `archives.py`. SECURITY.md says what this promises.

Every function raises UnreadableFile, a UserError, with one line that names the file.
"""

import json
import os
import re
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, TYPE_CHECKING, Any

from keras_cnns.support.errors import UnreadableFile, UserError, first_line

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MIB = 2**20
MAX_SMALL_TEXT = 64 * MIB  # bytes of a recipe, a card, a list of names, the XML of one picture
MAX_ANNOTATIONS = 2048 * MIB  # bytes of a JSON file with the boxes of a data set; COCO's largest has 450 MB
MAX_PICTURE_FILE = 1024 * MIB  # bytes of one picture file
MAX_DEPTH = 200  # brackets or elements inside one another; COCO's files need 5, a Keras configuration about 20

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe (FIFO)"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


# --- files and paths ---------------------------------------------------------------------------------------------


def inside(root: str | os.PathLike, name: str, *, links: bool = False, source: object = "") -> Path:
    """The path that `name`, a text from an untrusted file, stands for below the folder `root`.

    Args:
      root: the folder that must not be left.
      name: a relative path with `/` or, as written on Windows, `\\`.
      links: whether symbolic links that lie in `root` may lead out of it, as in a data set that its owner put together
        from links. Without it, links are resolved and have to stay below `root`.
      source: the file in which the name was found, for the message.

    Returns:
      The path; there need not be a file.

    Raises:
      UnreadableFile: the name is empty, absolute, or leads out of `root`.
    """
    where = f"{source} names" if source else "there is a path"
    text = str(name).replace("\\", "/")
    if not text or "\0" in text:
        raise UnreadableFile(f"{where} {name!r}, which is not a path.")
    if PurePosixPath(text).is_absolute() or PureWindowsPath(name).drive:
        raise UnreadableFile(f"{where} {name!r}: only paths relative to {root} are read.")
    path = Path(os.path.normpath(Path(root) / text))
    try:
        checked, limit = (path, Path(os.path.normpath(root))) if links else (path.resolve(), Path(root).resolve())
    except (OSError, RuntimeError) as error:  # a link to itself, a name too long
        raise UnreadableFile(f"{where} {name!r}, which cannot be resolved: {first_line(error)}.") from None
    if not checked.is_relative_to(limit):
        raise UnreadableFile(f"{where} {name!r}, which leads out of {root}: only files in this folder are read.")
    return path


def kind_of_file(path: str | os.PathLike) -> str:
    """What stands at `path` if it is not a regular file, such as "a named pipe (FIFO)"; "" for a regular file.

    Raises:
      OSError: there is nothing, or it may not be looked at.
    """
    mode = os.stat(path).st_mode
    return "" if stat.S_ISREG(mode) else next((words for test, words in _KINDS if test(mode)), "not a file")


def open_regular(path: str | os.PathLike) -> IO[bytes]:
    """The regular file at `path`, open for reading bytes. It never waits for a writer, as a FIFO would make it.

    Raises:
      UnreadableFile: it is a folder, FIFO, socket or device.
      OSError: there is no such file, or it may not be read.
    """
    if kind := kind_of_file(path):
        raise UnreadableFile(f"{os.fspath(path)} is {kind}: a regular file is needed.")
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):  # replaced between the two calls
        os.close(handle)
        raise UnreadableFile(f"{os.fspath(path)} is no longer a regular file.")
    return os.fdopen(handle, "rb")


def read_bytes(path: str | os.PathLike, limit: int = MAX_PICTURE_FILE) -> bytes:
    """The bytes of a regular file of at most `limit` bytes.

    Raises:
      UnreadableFile: it is larger, or not a regular file.
      OSError: there is no such file, or it may not be read.
    """
    with open_regular(path) as file:
        data = file.read(limit + 1) if os.fstat(file.fileno()).st_size <= limit else b"\0" * (limit + 1)
    if len(data) > limit:
        raise UnreadableFile(f"{os.fspath(path)} is larger than {in_bytes(limit)}, the limit for such a file.")
    return data


def read_text(path: str | os.PathLike, limit: int = MAX_SMALL_TEXT) -> str:
    """The text of a regular file in UTF-8, with or without a byte order mark.

    Raises:
      UnreadableFile: it is larger than `limit` bytes, not a regular file, or not in UTF-8.
      OSError: there is no such file, or it may not be read.
    """
    try:
        return read_bytes(path, limit).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UnreadableFile(f"{os.fspath(path)} is not a text in UTF-8 ({first_line(error)}).") from None


def check_declared(declared: int, available: int, what: str) -> int:
    """`declared`, if it is a size that the file can hold; call it before anything of that size is allocated.

    Args:
      declared: a number of bytes, or of elements of at least a byte, as the file states it.
      available: how many bytes of the file are left for it.
      what: what has that size, for the message: "the tensor conv1/kernel of net.safetensors".

    Raises:
      UnreadableFile: it is negative, or more than is there.
    """
    if not isinstance(declared, int) or isinstance(declared, bool) or not 0 <= declared <= available:
        raise UnreadableFile(f"{what} has a declared size of {declared} bytes, and the file holds {available} for it.")
    return declared


# --- JSON, XML, YAML ---------------------------------------------------------------------------------------------


def parse_json(text: str | bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """The value of a JSON text.

    Raises:
      ValueError: it is not JSON, or nests deeper than `max_depth`.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text))
    if text.count("[") + text.count("{") > max_depth and _json_depth(text) > max_depth:
        raise ValueError(f"its brackets are nested more than {max_depth} deep")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("its brackets are nested too deep") from None


def read_json(path: str | os.PathLike, limit: int = MAX_SMALL_TEXT) -> Any:
    """The value of the JSON file at `path`.

    Raises:
      UnreadableFile: it is not a regular file, larger than `limit` bytes, not JSON, or nested too deep.
      OSError: there is no such file, or it may not be read.
    """
    try:
        return parse_json(read_text(path, limit))
    except UserError:
        raise
    except ValueError as error:
        raise UnreadableFile(f"{os.fspath(path)} cannot be read as JSON: {first_line(error)}.") from None


def read_xml(path: str | os.PathLike, limit: int = MAX_SMALL_TEXT) -> "Element":
    """The root element of the XML file at `path`. Entities and external references are refused.

    Raises:
      UnreadableFile: it is not a regular file, larger than `limit` bytes, not XML, in an unknown encoding, declares
        entities, or nests deeper than MAX_DEPTH.
      OSError: there is no such file, or it may not be read.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException, ElementTree

    try:
        root = ElementTree.fromstring(read_bytes(path, limit))
    except DefusedXmlException as error:
        raise UnreadableFile(f"{os.fspath(path)} declares entities ({type(error).__name__}): remove them.") from None
    except UserError:
        raise
    except (ParseError, ValueError, LookupError) as error:  # LookupError: an encoding that Python does not know
        raise UnreadableFile(f"{os.fspath(path)} cannot be read as XML: {first_line(error)}.") from None
    level, depth = [root], 0
    while level:
        level, depth = [child for element in level for child in element], depth + 1
        if depth > MAX_DEPTH:
            raise UnreadableFile(f"{os.fspath(path)} has elements nested more than {MAX_DEPTH} deep.")
    return root


def read_yaml(path: str | os.PathLike, limit: int = MIB) -> Any:
    """The value of the YAML file at `path`: plain values only, no tags that make objects, no aliases.

    Raises:
      UnreadableFile: it is not a regular file, larger than `limit` bytes, not YAML, nested too deep, or holds tags or
        aliases.
      OSError: there is no such file, or it may not be read.
    """
    import yaml

    text = read_text(path, limit)
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > MAX_DEPTH:
                raise UnreadableFile(f"{os.fspath(path)} has aliases (*name) or nests too deep: write the values out.")
        return yaml.safe_load(text)
    except UserError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date that does not exist
        raise UnreadableFile(f"{os.fspath(path)} cannot be read as YAML: {first_line(error)}.") from None


# --- helpers -----------------------------------------------------------------------------------------------------


def _json_depth(text: str) -> int:
    """How deep the brackets of a JSON text nest, not counting those in strings."""
    import numpy as np

    data = text.encode("utf-8", "surrogatepass")
    if b"\\" in data:
        data = re.sub(rb"\\.", b"", data, flags=re.DOTALL)  # no escaped quotes any more
    depth = deepest = in_string = 0
    for start in range(0, len(data), 4 * MIB):
        letters = np.frombuffer(data, np.uint8, min(4 * MIB, len(data) - start), start)
        strings = (np.cumsum(letters == ord('"'), dtype=np.uint8) + in_string) & 1  # 1 within a string
        lower = letters | 32  # "[" and "{" become the same letter, and so do "]" and "}"
        steps = np.where(strings, 0, (lower == ord("{")).astype(np.int32) - (lower == ord("}")))
        depths = depth + np.cumsum(steps)
        deepest, depth, in_string = max(deepest, int(depths.max())), int(depths[-1]), int(strings[-1])
    return deepest


def utf8(text: str) -> str:
    """The text with escapes, such as \\udcff, for what UTF-8 cannot hold: halves of surrogate pairs.

    JSON may name them, and Python writes the bytes of a file name that is not in UTF-8 so.
    """
    return text.encode("utf-8", "backslashreplace").decode()


def in_bytes(count: int) -> str:
    """A number of bytes in words."""
    for unit, name in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if count >= unit:
            return f"{count / unit:.4g} {name}"
    return f"{count} bytes"
