"""Weight files fetched once: with a progress bar, resumed where they broke off, checked, kept in one folder."""

import hashlib
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlparse
from urllib.request import Request, url2pathname, urlopen

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from keras_cnns.support.errors import UserError, nearest
from keras_cnns.support.validation import short
from keras_cnns.weights.catalog import SOURCES, published

TIMEOUT = 30  # seconds without a byte
PIECE = 1 << 20  # bytes

IMAGENET = "imagenet"  # the published set that Keras has, else torchvision's, else timm's


def locate(name, source) -> Path:
    """The file that `source` means for the network called `name`: a path, an address, or a name in the catalog."""
    try:
        source = os.fsdecode(source)
    except TypeError:
        raise UserError(f"weights are {short(source)}: give a file, an address or a name in the catalog.") from None
    if re.match(r"[a-z]{2,}://", source):
        address, _, digest = source.partition("#")
        return fetch(address, digest.replace("=", ":", 1) or None)
    if "\0" in source:
        raise UserError(f"weights are {source!r}: a name of a file has no such character.")
    if Path(source).is_file() or (Path(source).is_dir() and source not in (IMAGENET, *SOURCES)):
        return Path(source)
    if source == IMAGENET:
        source = next((known for known in SOURCES if known in published(name)), SOURCES[0])
    if source in SOURCES:
        found = published(name).get(source)
        if found is None:
            others = ", ".join(published(name)) or "none"
            raise UserError(f"no weights of {name} are published by {source}; published by: {others}.")
        return fetch(found.address, found.digest)
    raise UserError(
        f"there is no file {source!r}: give a file, an address (https://, file://) or one of "
        f"{', '.join((IMAGENET, *SOURCES))}.{nearest(source.lower(), (IMAGENET, *SOURCES))}"
    )


def cache_folder() -> Path:
    """`$KERAS_CNNS_CACHE`, or keras_cnns/weights in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("KERAS_CNNS_CACHE") or Path(home) / "keras_cnns" / "weights")


def fetch(address, digest=None) -> Path:
    """The file at `address` (http, https, file), from the cache or downloaded into it.

    digest: "sha256:..." or "md5:...", where known; the first digits are enough. What broke off is resumed by the next
      call, if the file there is still the same one.

    Raises:
      UserError: no answer, an answer cut short, or a file with another digest; no file is left under its name then.
    """
    check = _Digest.parse(digest)
    try:
        path = Path(unquote(urlparse(address).path))
    except ValueError as error:  # brackets that hold no IPv6 address
        raise UserError(f"{address} is no address: {error}.") from None
    name = re.sub(r"[^\w.-]", "_", path.name) or "weights"
    target = cache_folder() / f"{hashlib.sha256(address.encode()).hexdigest()[:8]}-{name}"
    if target.is_file():
        return target
    try:
        part = _download(address, target)
    except HTTPError as error:
        raise UserError(f"cannot fetch {address}: the server says {error.code} {error.reason}.") from error
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise UserError(f"cannot fetch {address}: {reason}. Nothing was loaded; the next call goes on.") from error
    if check and not check.fits(part):
        part.unlink()
        raise UserError(f"{address} is not the file it was: its {check.kind} does not begin with {check.digits}.")
    os.replace(part, target)
    return target


def _download(address, target):
    """Everything at `address`, in a file beside `target`; begins where the last attempt at the same version ended."""
    with _open(address) as (_, size, version):
        part = target.with_name(f"{target.name}.{hashlib.sha256(version.encode()).hexdigest()[:8]}.part")
    have = part.stat().st_size if version and part.exists() else 0
    if have and have == size:
        return part
    with _open(address, have) as (stream, size, _):
        piece = stream.read(PIECE)  # before any file is made
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "ab" if have else "wb") as file, _progress(target.name, have, size) as advance:
            while piece:
                file.write(piece)
                advance(len(piece))
                piece = stream.read(PIECE)
            got = file.tell()
    if size is not None and got != size:
        raise UserError(f"{address} broke off after {got} of {size} bytes: the next call goes on from there.")
    return part


@contextmanager
def _open(address, start=0):
    """(stream from byte `start`, size of the whole file or None, a word that changes when the file does or "")."""
    if urlparse(address).scheme == "file":
        path = Path(url2pathname(urlparse(address).path))
        with open(path, "rb") as stream:
            stream.seek(start)
            stat = path.stat()
            yield stream, stat.st_size, f"{stat.st_mtime_ns} {stat.st_size}"
        return
    headers = {"User-Agent": "keras_cnns"} | ({"Range": f"bytes={start}-"} if start else {})
    with urlopen(Request(address, headers=headers), timeout=TIMEOUT) as answer:
        if start and answer.status != 206:
            raise UserError(f"{address} cannot be resumed: delete the .part file in {cache_folder()}.")
        size = answer.headers.get("Content-Length")
        yield answer, int(size) + start if size else None, answer.headers.get("ETag") or ""


@contextmanager
def _progress(name, have, size):
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
    def parse(cls, text):
        if not text:
            return None
        kind, _, digits = text.partition(":")
        if kind not in ("sha256", "md5") or not re.fullmatch(r"[0-9a-fA-F]{8,64}", digits):
            raise UserError(f"{text!r} is no digest: write sha256= and at least its first 8 digits.")
        return cls(kind, digits.lower())

    def fits(self, path):
        total = hashlib.new(self.kind)
        with open(path, "rb") as file:
            while piece := file.read(PIECE):
                total.update(piece)
        return total.hexdigest().startswith(self.digits)
