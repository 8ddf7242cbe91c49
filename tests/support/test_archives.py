"""Zip archives are unpacked only as far as their own size makes believable."""

import os
import zipfile
from random import Random

import pytest

from keras_cnns.support import archives
from keras_cnns.support.errors import UserError
from keras_cnns.support.untrusted import MIB


def test_a_member_that_unpacks_to_far_more_than_it_holds_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(20 * MIB))
    with pytest.raises(UserError, match="zeros.*more than 200 times"):
        archives.open_zip(tmp_path / "a.zip")


def test_a_member_that_is_there_twice_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a", "1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a", "2")
    with pytest.raises(UserError, match="twice"):
        archives.open_zip(tmp_path / "a.zip")


def test_a_member_is_read_up_to_its_limit(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("small", bytes(1000))
    with archives.open_zip(tmp_path / "a.zip") as archive:
        assert archives.read_member(archive, "small", 1000) == bytes(1000)
        with pytest.raises(UserError, match="small"):
            archives.read_member(archive, "small", 999)
        with pytest.raises(KeyError):
            archives.read_member(archive, "other")


def test_an_archive_of_an_unknown_version_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "1")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 6] = 80  # the version that is needed to unpack it
    path.write_bytes(data)
    with pytest.raises(UserError, match="damaged zip archive"):
        archives.open_zip(path)


def test_only_a_regular_file_is_opened(tmp_path):
    os.mkfifo(tmp_path / "model.keras")
    with pytest.raises(UserError, match="FIFO"):
        archives.open_zip(tmp_path / "model.keras")


def test_members_that_share_their_bytes_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a", bytes(1000))
        twin = zipfile.ZipInfo("b")
        twin.compress_size = twin.file_size = 1000
        twin.header_offset = twin.CRC = 0
        archive.filelist.append(twin)  # a second entry that points at the first one's bytes
        archive.NameToInfo["b"] = twin
        archive._didModify = True
    with pytest.raises(UserError, match="'b'.*declared size"):
        archives.open_zip(tmp_path / "a.zip")


def test_a_member_that_cannot_be_unpacked_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("a", b"0123456789" * 10)
        sound = path.read_bytes()
        start, refused = sound.index(b"a", 26) + 1, 0  # the packed bytes, behind the name
        for place in range(start, start + 15):
            path.write_bytes(sound[:place] + bytes([sound[place] ^ 255]) + sound[place + 1 :])
            with archives.open_zip(path) as archive:
                try:
                    assert archives.read_member(archive, "a") == b"0123456789" * 10  # a byte that nothing depends on
                except UserError as error:
                    refused += "'a' in" in str(error) and "cannot be read" in str(error)
        assert refused > 5, method


def test_a_keras_file_that_unpacks_to_too_much_is_not_read(tmp_path):
    from keras_cnns.saving.keras_file import load_model

    with zipfile.ZipFile(tmp_path / "a.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", bytes(40_000_000))
    with pytest.raises(UserError, match="'config.json' in .* unpacks"):
        load_model(tmp_path / "a.keras")


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_seekable_member_is_read_anywhere(packing, tmp_path):
    content = Random(0).randbytes(200_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", packing) as archive:
        archive.writestr("before", b"x" * 1000)
        archive.writestr("data", content)
        archive.writestr("after", b"y" * 1000)
    with archives.open_zip(tmp_path / "a.zip") as archive:
        file = archives.seekable_member(archive, "data")
        for start, size in ((150_000, 100), (0, 5), (199_990, 50), (70_000, 100_000), (300_000, 4)):
            file.seek(start)
            assert file.read(size) == content[start : start + size]
        assert file.seek(-3, 2) == 199_997 and file.read() == content[-3:]
