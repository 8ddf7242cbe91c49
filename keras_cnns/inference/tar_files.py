"""Pictures inside tar archives, packed or not, one after the other; read once, from start to end."""

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from keras_cnns.data.sources import walk
from keras_cnns.support.archives import MAX_RATIO, RATIO_FROM
from keras_cnns.support.errors import UnreadableFile, first_line
from keras_cnns.support.untrusted import MAX_PICTURE_FILE, MIB, in_bytes, open_regular

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
PACKERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
DAMAGE: tuple[type[Exception], ...] = (
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    OSError,
    ValueError,
    OverflowError,
)
DAMAGE += (AssertionError, KeyError, IndexError, TypeError)  # of tarfile, from odd numbers in a header

# Headers that describe the member behind them, with a long name for example. tarfile reads each at once, and one
# inside the other.
EXTENDED: tuple[bytes, ...] = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
EXTENDED += (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
MAX_EXTENDED, MAX_HEADER = 8, MIB  # of them for one member, and bytes of each


def is_tar(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


def of_tar(path: Path) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the pictures in a tar archive, packed or not, in its order. It is read once from start to end.

    Raises:
      UnreadableFile: it is missing, damaged, or no tar archive; it unpacks to more than MAX_RATIO times its size; a
        picture is a sparse file.
    """
    try:
        with open_regular(path) as file:
            stream = _Unpacked(file, path)
            with tarfile.open(fileobj=stream, mode="r|", tarinfo=_headers(path)) as archive:  # type: ignore[call-overload]
                for member in archive:
                    archive.members = []  # type: ignore[attr-defined]  # else it remembers all of them
                    if member.isfile() and walk.is_picture(Path(member.name).name):
                        yield f"{path}/{member.name}", _content(archive, member, path)
    except UnreadableFile:
        raise
    except (FileNotFoundError, PermissionError) as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}.") from None
    except DAMAGE as error:
        raise UnreadableFile(f"{path} is not a tar archive, or is damaged ({first_line(error)}).") from None


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> bytes:
    name = repr(member.name[:100])
    if member.size > MAX_PICTURE_FILE:
        raise UnreadableFile(f"{name} in {path} is larger than {in_bytes(MAX_PICTURE_FILE)}.")
    if member.issparse():  # a few bytes of it stand for any number of zeros
        raise UnreadableFile(f"{name} in {path} is a sparse file: pack the archive without --sparse.")
    stream = archive.extractfile(member)
    data = stream.read() if stream else b""
    if len(data) < member.size:
        raise UnreadableFile(f"{path} ends inside {name}: it is cut off.")
    return data


class _Unpacked(io.RawIOBase):
    """What an archive unpacks to. It may be at most MAX_RATIO times the bytes that were read of the file."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        start = file.read(6)
        file.seek(0)
        packer = next((packer for magic, packer in PACKERS.items() if start.startswith(magic)), None)
        self.file, self.path, self.count = file, path, 0
        self.stream: IO[bytes] = packer(file) if packer else file

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(size)
        self.count += len(data)
        if self.count > max(RATIO_FROM, MAX_RATIO * self.file.tell()):
            raise UnreadableFile(f"{self.path} unpacks to more than {MAX_RATIO} times its size, which is not read.")
        return data


def _headers(path: Path) -> type[tarfile.TarInfo]:
    """The class of the headers of one archive. It refuses what tarfile would follow without a limit, or end at."""

    class Header(tarfile.TarInfo):
        extended = 0  # headers of this kind in a row
        begun = False

        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Any:
            try:
                header = super().frombuf(buf, encoding, errors)
            except tarfile.HeaderError as error:
                if cls.begun and buf.strip(b"\0"):  # tarfile would take this for the end of the archive
                    raise UnreadableFile(f"{path} is damaged or cut off ({first_line(error)}).") from None
                raise
            cls.begun = True
            cls.extended = cls.extended + 1 if header.type in EXTENDED else 0
            if header.size < 0 or cls.extended > MAX_EXTENDED or (cls.extended and header.size > MAX_HEADER):
                raise UnreadableFile(f"{path} is damaged: it has a header that no member of an archive needs.")
            return header

    return Header
