"""Tar archives that are damaged or malicious: each is refused in one line, with little memory."""

import gzip
import io
import random
import struct
import tarfile
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from keras_cnns import UserError
from keras_cnns.inference.tar_files import of_tar
from tests.fuzz.counts.damage import damaged_bytes

EXTENDED = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE)
END = bytes(1024)


def picture():
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), "uint8")).save(file, "PNG")
    return file.getvalue()


def member(name, content, kind=tarfile.REGTYPE, size=None):
    """A header and its content; size: what the header declares."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.size = kind, len(content) if size is None else size
    return entry.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def refused(path, match):
    """Checks that the archive is refused, and returns the most memory that this took, in bytes."""
    tracemalloc.start()
    with pytest.raises(UserError, match=match) as caught:
        list(of_tar(path))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(str(caught.value).splitlines()) == 1
    return most


@pytest.mark.parametrize("kind", EXTENDED)
def test_headers_inside_one_another_are_refused(kind, tmp_path):
    (tmp_path / "x.tar").write_bytes(member("name", b"6 a=b\n", kind) * 3000 + member("0.png", picture()) + END)
    refused(tmp_path / "x.tar", "a header that no member")


@pytest.mark.parametrize("kind", EXTENDED)
def test_a_huge_name_is_not_read(kind, tmp_path):
    with gzip.open(tmp_path / "x.tar.gz", "wb", 1) as file:
        file.write(member("name", bytes(32 << 20), kind) + END)
    assert refused(tmp_path / "x.tar.gz", "a header that no member") < 4 << 20


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path):
    with gzip.open(tmp_path / "x.tar.gz", "wb", 1) as file:
        file.write(member("video.mp4", bytes(64 << 20)) + member("0.png", picture()) + END)
    assert refused(tmp_path / "x.tar.gz", "unpacks to more than 200 times") < 4 << 20


def test_a_sparse_picture_is_refused(tmp_path):
    header = bytearray(member("0.png", b"", tarfile.GNUTYPE_SPARSE))
    header[483:495] = b"%011o\0" % (1 << 29)  # its size with all the zeros
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header[:512])
    (tmp_path / "x.tar").write_bytes(bytes(header) + END)
    assert refused(tmp_path / "x.tar", "sparse file") < 4 << 20


def test_a_damaged_header_in_the_middle_is_not_taken_for_the_end(tmp_path):
    data = bytearray(member("0.png", picture()) + member("1.png", picture()) + END)
    data[len(member("0.png", picture())) + 10] ^= 255
    (tmp_path / "x.tar").write_bytes(data)
    refused(tmp_path / "x.tar", "damaged or cut off")


def test_a_negative_size_is_refused(tmp_path):
    header = bytearray(member("0.png", b""))
    header[124:136] = b"\xff" + struct.pack(">q", -512).rjust(11, b"\xff")
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header[:512])
    (tmp_path / "x.tar").write_bytes(bytes(header) + END)
    refused(tmp_path / "x.tar", "damaged")


@pytest.mark.parametrize("packed", [False, True])
def test_damaged_archives_are_answered_or_refused_in_a_line(packed, tmp_path):
    draw, path = random.Random(0), tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        for n in range(3):
            entry = tarfile.TarInfo(("long/" * 30) * (n == 1) + f"{n}.png")
            entry.size, entry.pax_headers = len(picture()), {"comment": "x" * 200 * (n == 2)}
            archive.addfile(entry, io.BytesIO(picture()))
    sound = gzip.compress(path.read_bytes()) if packed else path.read_bytes()
    assert len(list(of_tar(path))) == 3
    for _ in range(200):
        path.write_bytes(damaged_bytes(draw, sound))
        try:
            list(of_tar(path))
        except UserError as error:
            assert len(str(error).splitlines()) == 1
