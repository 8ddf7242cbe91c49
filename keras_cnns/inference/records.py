"""Pictures inside TFRecord files, one after the other; neither TensorFlow nor an index is needed."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from keras_cnns.data.pillow import STARTS
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.untrusted import MAX_PICTURE_FILE, in_bytes, open_regular

TFRECORDS = (".tfrecord", ".tfrecords")
PICTURE_KEYS = ("image/encoded", "image", "jpg", "png")  # of the usual writers, tried before others
CRC32C = 0x82F63B78  # Castagnoli's polynomial, reflected


def is_tfrecord(path: Path) -> bool:
    """Whether a file is a TFRecord file, by its name: `x.tfrecord`, or `x.tfrecord-00001-of-00010`."""
    return path.suffix.lower() in TFRECORDS or ".tfrecord-" in path.name.lower()


def of_tfrecord(path: Path) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the pictures in a TFRecord file of `tf.train.Example`; the name is FILE#NUMBER, from 0.

    The picture is the feature of a usual name, or else the only one that begins as a picture file does.

    Raises:
      UnreadableFile: it is missing, damaged, or an example has no picture.
    """
    with _opened(path) as file:
        number, size = 0, os.fstat(file.fileno()).st_size
        while header := file.read(12):
            length, check = struct.unpack("<QI", header.ljust(12, b"\0"))
            if len(header) < 12 or _masked_crc(header[:8]) != check:
                raise UnreadableFile(f"{path} is not a TFRecord file, or is damaged at record {number}.")
            if length > MAX_PICTURE_FILE:
                raise UnreadableFile(f"record {number} of {path} is larger than {in_bytes(MAX_PICTURE_FILE)}.")
            if length + 4 > size - file.tell():
                raise UnreadableFile(f"{path} ends inside record {number}: it is cut off.")
            record = file.read(length + 4)  # the sum over the data is not checked: the picture's decoder notices
            yield f"{path}#{number}", _picture_in(record[:length], path, number)
            number += 1


def _opened(path: Path) -> IO[bytes]:
    try:
        return open_regular(path)
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror or error}.") from None


def _picture_in(example: bytes, path: Path, number: int) -> bytes:
    try:
        features = dict(_features(example))
    except (IndexError, ValueError, KeyError):
        raise UnreadableFile(f"record {number} of {path} is not a tf.train.Example.") from None
    pictures = {key: value for key, value in features.items() if value.startswith(STARTS)}
    for key in PICTURE_KEYS:
        if key in pictures:
            return pictures[key]
    if len(pictures) != 1:
        raise UnreadableFile(
            f"record {number} of {path} has {len(pictures)} pictures among its features ({', '.join(features)[:100]}): "
            "one is needed, as an encoded file."
        )
    return next(iter(pictures.values()))


def _features(example: bytes) -> Iterator[tuple[str, bytes]]:
    """(name, first value) of the features that hold bytes. Example.features.feature maps names to lists of values."""
    for features in _fields(example, 1):
        for entry in _fields(features, 1):
            (name,), (feature,) = _fields(entry, 1), _fields(entry, 2)
            for values in _fields(feature, 1):  # bytes_list
                for value in _fields(values, 1)[:1]:
                    yield name.decode(), value


def _fields(message: bytes, number: int) -> list[bytes]:
    """The contents of all fields with this number in a protobuf message. Numeric fields are skipped."""
    contents: list[bytes] = []
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == 0:
            _, place = _varint(message, place)
            continue
        if kind == 2:
            size, place = _varint(message, place)
        else:
            size = {1: 8, 5: 4}[kind]
        if place + size > len(message):
            raise ValueError("a field longer than its message")
        if kind == 2 and tag >> 3 == number:
            contents.append(message[place : place + size])
        place += size
    return contents


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """(value, position after it) of a varint, which has seven bits in each byte."""
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
        if shift > 63:
            raise ValueError("a number longer than 64 bits")


def _masked_crc(data: bytes) -> int:
    """CRC-32C as TFRecord files store it: rotated by 15 bits, plus a constant."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (CRC32C if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return (crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF
