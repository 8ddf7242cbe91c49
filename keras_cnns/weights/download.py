"""Files of weights, downloaded once into one folder, checked against their digest."""

import hashlib
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from glob import escape
from http import HTTPStatus
from http.client import HTTPException, InvalidURL
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlparse
from urllib.request import Request, url2pathname, urlopen

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from keras_cnns.support.errors import BadArgument, UnreadableFile, UserError, first_line, nearest
from keras_cnns.support.locks import locked
from keras_cnns.support.untrusted import in_bytes
from keras_cnns.support.validation import path_of, short
from keras_cnns.weights.catalog import SOURCES, published
from keras_cnns.weights.formats.folders import check_is_no_checkpoint

TIMEOUT = 30  # seconds without a byte, or with fewer than SLOWEST bytes in each of them; for an answer to begin
SLOWEST = 100  # bytes per second
PIECE = 1 << 20  # bytes that are read at a time
MOST_UNKNOWN = 16 << 30  # bytes of a file whose size the server does not state
LONGEST_NAME = 150  # characters of the name of a cached file; file systems allow about 255

IMAGENET = "imagenet"  # the weights that Keras publishes, otherwise those of torchvision, otherwise those of timm


def locate(name: str, source: Any) -> Path:
    """The file that `source` stands for, downloaded if necessary.

    Args:
      name: our name of the network.
      source: a path, an address, or the name of a publisher.

    Raises:
      UserError: there is no such file, or it cannot be fetched.
    """
    try:
        source = os.fsdecode(source)
    except TypeError:
        raise BadArgument(f"weights are {short(source)}: give a file, an address or the name of a publisher.") from None
    if re.match(r"[a-z]{2,}://", source):
        address, _, digest = source.partition("#")
        return fetch(address, digest.replace("=", ":", 1) or None)
    if "\0" in source:
        raise UnreadableFile(f"weights are {source!r}: the name of a file cannot contain this character.")
    path_of(source, "weights")
    if Path(source).is_file() or (Path(source).is_dir() and source not in (IMAGENET, *SOURCES)):
        return Path(source)
    if source == IMAGENET:
        source = next((known for known in SOURCES if known in published(name)), SOURCES[0])
    if source in SOURCES:
        weights = published(name).get(source)
        if weights is None:
            others = ", ".join(published(name)) or "none"
            raise UnreadableFile(f"no weights of {name} are published by {source}; published by: {others}.")
        return fetch(weights.address, weights.digest)
    check_is_no_checkpoint(Path(source))
    raise UnreadableFile(
        f"there is no file {source!r}: give a file, an address (https://, file://) or one of "
        f"{', '.join((IMAGENET, *SOURCES))}.{nearest(source.lower(), (IMAGENET, *SOURCES))}"
    )


def cache_folder() -> Path:
    """`$KERAS_CNNS_CACHE`, or keras_cnns/weights in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("KERAS_CNNS_CACHE") or Path(home) / "keras_cnns" / "weights")


def fetch(address: str, digest: str | None = None) -> Path:
    """The file at `address` (http, https, file), from the cache or downloaded into it.

    An interrupted download is continued by the next call, if the file at the address is still the same.

    Args:
      address: of the file.
      digest: "sha256:..." or "md5:...", if it is known; its first 8 digits are enough. It is checked for cached files
        too, and a file that was altered is fetched again.

    Raises:
      UserError: the server does not answer, or the file is truncated or has another digest. No file is left.
    """
    check = _Digest.parse(digest)
    try:
        path = Path(unquote(urlparse(address).path))
    except ValueError as error:  # brackets that hold no IPv6 address
        raise UnreadableFile(f"{address} is not an address: {error}.") from None
    name = re.sub(r"[^\w.-]", "_", path.name)[-LONGEST_NAME:] or "weights"
    target = cache_folder() / f"{hashlib.sha256(address.encode()).hexdigest()[:8]}-{name}"
    try:
        part = None
        while part is None:
            if target.is_file() and (check is None or check.fits(target)):
                return target
            part = _download(address, target, check)
    except UserError:
        raise
    except HTTPError as error:
        raise UnreadableFile(f"cannot fetch {address}: the server answers {error.code} {error.reason}.") from error
    except InvalidURL as error:
        raise UnreadableFile(f"{address} is not an address: {first_line(error)}.") from error
    except (HTTPException, URLError, OSError, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else first_line(error)
        raise UnreadableFile(
            f"cannot fetch {address}: {reason}. Nothing was loaded; the next call continues. "
            "Without a connection, give a file (weights=FILE, --weights FILE) or None for random weights."
        ) from error
    return target


def _download(address: str, target: Path, check: "_Digest | None") -> Path | None:
    """Downloads to `target`, or continues an interrupted download of the same version.

    Only one process downloads at a time. Returns `target`; None if another process was downloading and has now ended.
    """
    with _open(address) as (_, size, version):
        part = target.with_name(f"{target.name}.{hashlib.sha256(version.encode()).hexdigest()[:8]}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(part, wait=False, create=True) as own:
        if not own:
            with suppress(FileNotFoundError), locked(part, wait=True):  # it may be renamed by now
                pass
            return None
        if target.is_file() and (check is None or check.fits(target)):  # another process was a moment earlier
            part.unlink()
            return target
        try:
            have = part.stat().st_size if version else 0
            if not have or have != size:
                _fill(address, part, have)
        finally:
            if not part.stat().st_size:
                part.unlink()
        if check and not check.fits(part):
            part.unlink()
            raise UnreadableFile(
                f"{address} is not the file that was expected: its {check.kind} does not begin with {check.digits}."
            )
        os.replace(part, target)
    for other in target.parent.glob(f"{escape(target.name)}.*.part"):  # of earlier versions of the file
        other.unlink(missing_ok=True)
    return target


def _fill(address: str, part: Path, have: int) -> None:
    """Downloads the rest of a file into `part`, which has the first `have` bytes; all if the server sends no parts."""
    try:
        _append(address, part, have)
    except _NoParts:
        _append(address, part, 0)


class _NoParts(Exception):
    """The server can only send the full file, not the rest of it."""


def _append(address: str, part: Path, have: int) -> None:
    with _open(address, have) as (stream, size, _):
        pieces = _pieces(address, stream, (MOST_UNKNOWN if size is None else size) - have)
        _check_room(address, part.parent, (size or 0) - have)
        with open(part, "ab" if have else "wb") as file, _progress(part.name, have, size) as advance:
            for piece in pieces:
                file.write(piece)
                advance(len(piece))
            got = file.tell()
    if not got:
        raise UnreadableFile(f"{address} is empty.")
    if size is not None and got != size:
        raise UnreadableFile(f"{address} broke off after {got} of {size} bytes: the next call continues from there.")


def _pieces(address: str, stream: Any, most: int) -> Iterator[bytes]:
    """The content of a stream, in pieces of at most PIECE bytes.

    Raises:
      UnreadableFile: it holds more than `most` bytes, or comes more slowly than SLOWEST.
    """
    read = getattr(stream, "read1", stream.read)  # what has come, instead of waiting for a full piece
    begun, got, total = time.monotonic(), 0, 0
    while piece := read(PIECE):
        got, total, seconds = got + len(piece), total + len(piece), time.monotonic() - begun
        if total > most:
            raise UnreadableFile(f"{address} sends more than {in_bytes(most)}, which is not kept.")
        if seconds > TIMEOUT:
            if got < SLOWEST * seconds:
                raise UnreadableFile(f"{address} sent {got} bytes in {seconds:.0f} seconds: the next call continues.")
            begun, got = time.monotonic(), 0
        yield piece


def _check_room(address: str, folder: Path, count: int) -> None:
    """Raises UnreadableFile if a file of `count` bytes does not fit into the folder."""
    free = shutil.disk_usage(folder).free
    if count > free:
        raise UnreadableFile(f"{address} has {in_bytes(count)}, and {folder} has room for {in_bytes(free)}.")


@contextmanager
def _open(address: str, start: int = 0) -> Iterator[tuple[IO[bytes], int | None, str]]:
    """(stream from byte `start`, size of the whole file or None, a text that changes when the file does, or "")."""
    if urlparse(address).scheme == "file":
        path = Path(url2pathname(urlparse(address).path))
        with open(path, "rb") as stream:
            stream.seek(start)
            stat = path.stat()
            yield stream, stat.st_size, f"{stat.st_mtime_ns} {stat.st_size}"
        return
    headers = {"User-Agent": "keras_cnns"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        response = _answer(Request(address, headers=headers))
    except HTTPError as error:
        if start and error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise _NoParts from error
        raise
    with response as answer:
        if start and answer.status != 206:
            raise _NoParts
        size = answer.headers.get("Content-Length")
        yield answer, int(size) + start if size else None, answer.headers.get("ETag") or ""


def _answer(request: Request) -> Any:
    """The server's answer to a request, once its header has come.

    A server that sends its header byte by byte would never exceed the timeout of a single read; so the request is
    made in a thread, which is left behind.

    Raises:
      TimeoutError: there is no header after twice TIMEOUT.
      What urlopen raises.
    """
    results: list[Any] = []

    def ask() -> None:
        try:
            results.append(urlopen(request, timeout=TIMEOUT))
        except Exception as error:  # it belongs to the thread that waits
            results.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(2 * TIMEOUT)
    if not results:
        raise TimeoutError(f"no answer in {2 * TIMEOUT} seconds")
    if isinstance(results[0], Exception):
        raise results[0]
    return results[0]


@contextmanager
def _progress(name: str, have: int, size: int | None) -> Iterator[Callable[[int], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task(name, total=size, completed=have)
        yield lambda count: bar.update(task, advance=count)


@dataclass(frozen=True)
class _Digest:
    kind: str
    digits: str

    @classmethod
    def parse(cls, text: str | None) -> "_Digest | None":
        if not text:
            return None
        kind, _, digits = text.partition(":")
        if kind not in ("sha256", "md5") or not re.fullmatch(r"[0-9a-fA-F]{8,64}", digits):
            raise UnreadableFile(
                f"{text!r} is not a digest: write sha256= and at least 8 hexadecimal digits, as in sha256=1a2b3c4d."
            )
        return cls(kind, digits.lower())

    def fits(self, path: Path) -> bool:
        total = hashlib.new(self.kind)
        with open(path, "rb") as file:
            while piece := file.read(PIECE):
                total.update(piece)
        return total.hexdigest().startswith(self.digits)
