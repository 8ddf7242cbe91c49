"""Zip archives that other people packed: what a member declares is compared with the archive before it is unpacked."""

import io
import lzma
import os
import struct
import zipfile
import zlib
from typing import BinaryIO, cast

from keras_cnns.support.errors import UnreadableFile, first_line
from keras_cnns.support.untrusted import MAX_SMALL_TEXT, MIB, check_declared, in_bytes, kind_of_file

MAX_RATIO = 200  # unpacked bytes per packed byte of a large member; deflate itself reaches 1,032
RATIO_FROM = 16 * MIB  # members that unpack to less than this may have any ratio

# What zipfile and the modules that unpack raise of a damaged, encrypted or unknown member (OSError: bzip2).
DAMAGE: tuple[type[Exception], ...] = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error)
DAMAGE += (RuntimeError, EOFError, ValueError, OverflowError, OSError)


def open_zip(path: str | os.PathLike) -> zipfile.ZipFile:
    """The zip archive at `path`, whose members all have plausible sizes.

    Raises:
      UnreadableFile: it is not a regular file, or a member's sizes cannot be true (`check_zip`).
      zipfile.BadZipFile, OSError: it is no zip archive; there is no such file.
    """
    if kind := kind_of_file(path):
        raise UnreadableFile(f"{os.fspath(path)} is {kind}: a regular file is needed.")
    try:
        archive = zipfile.ZipFile(path)
    except (NotImplementedError, ValueError, OverflowError, struct.error) as error:  # an unknown version, odd names
        raise UnreadableFile(f"{os.fspath(path)} is a damaged zip archive ({first_line(error)}).") from None
    try:
        check_zip(archive, os.fspath(path))
    except BaseException:
        archive.close()
        raise
    return archive


def check_zip(archive: zipfile.ZipFile, name: str) -> None:
    """Compares what the members of an archive declare with the archive's own size.

    Raises:
      UnreadableFile: two members have one name, the members are larger packed than the archive, or one unpacks to
        more than MAX_RATIO times its packed size.
    """
    assert archive.fp is not None
    archive.fp.seek(0, os.SEEK_END)
    size, names, packed = archive.fp.tell(), set(), 0
    for member in archive.infolist():
        if member.filename in names:
            raise UnreadableFile(f"{name} holds {member.filename[:100]!r} twice.")
        names.add(member.filename)
        packed += member.compress_size  # members that share their bytes add up to more than the archive
        check_declared(packed, size, f"{member.filename[:100]!r}, with the members before it, in {name}")
        if member.file_size > max(RATIO_FROM, MAX_RATIO * member.compress_size):
            raise UnreadableFile(
                f"{member.filename[:100]!r} in {name} unpacks {in_bytes(member.compress_size)} to "
                f"{in_bytes(member.file_size)}: more than {MAX_RATIO} times as much is not read."
            )


def read_member(archive: zipfile.ZipFile, name: str | zipfile.ZipInfo, limit: int = MAX_SMALL_TEXT) -> bytes:
    """The bytes of a member of an archive, at most `limit`.

    Raises:
      UnreadableFile: it declares or holds more, is damaged, encrypted, or packed in an unknown way.
      KeyError: there is no such member.
    """
    member = name if isinstance(name, zipfile.ZipInfo) else archive.getinfo(name)
    name = member.filename
    if member.file_size > limit:
        raise UnreadableFile(
            f"{name!r} in {archive.filename} has {in_bytes(member.file_size)}, more than {in_bytes(limit)}."
        )
    try:
        with archive.open(member) as stream:
            return stream.read()  # never more than was declared
    except DAMAGE as error:
        raise UnreadableFile(f"{name[:100]!r} in {archive.filename} cannot be read: {first_line(error)}.") from None


def seekable_member(archive: zipfile.ZipFile, name: str) -> BinaryIO:
    """A member of an archive of `open_zip`, as a file in which seeking is fast; it ends with the archive.

    A stored member is read where it lies. A packed one is unpacked into memory.

    Raises:
      UnreadableFile: it is damaged, encrypted, or packed in an unknown way.
      KeyError: there is no such member.
    """
    member = archive.getinfo(name)
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
        return io.BytesIO(read_member(archive, member, limit=member.file_size))
    file = cast(BinaryIO, archive.fp)
    file.seek(member.header_offset + 26)
    try:
        start = member.header_offset + 30 + sum(struct.unpack("<HH", file.read(4)))
    except struct.error as error:
        raise UnreadableFile(f"{name[:100]!r} in {archive.filename} cannot be read: {first_line(error)}.") from None
    return io.BufferedReader(_Window(file, start, member.file_size))


class _Window(io.RawIOBase):
    """`size` bytes of a file from `start` on, as a file of its own."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._position = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = max(0, offset + (0, self._position, self._size)[whence])
        return self._position

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        self._file.seek(self._start + self._position)
        data = self._file.read(max(0, min(len(buffer), self._size - self._position)))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
