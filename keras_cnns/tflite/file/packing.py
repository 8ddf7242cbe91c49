"""Writes a `schema.ModelT` as a flatbuffer: its structure first, its large buffers behind, each copied once.

flatbuffers' own builder starts with 1 KiB and doubles, and so copies a network's weights several times over.
"""

import copy
import io
import struct
from collections.abc import Callable, Iterator
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from keras_cnns.support.errors import UnsupportedModel

ALIGNMENT = 16  # bytes; where weights start, as the schema promises
SMALL = 256  # bytes; a buffer up to here stays among the structure
PART = 2**24  # bytes
LARGEST = 2**31 - 1  # bytes; the offsets of a flatbuffer reach no further


def packed(model: schema.ModelT, behind: Callable[[int], bytes] | None = None) -> bytes:
    """`model` as one flatbuffer with its weights inside it, each at a multiple of 16 bytes.

    Args:
      behind: called with the size of the flatbuffer; returns what follows it in the file.

    Raises:
      UnsupportedModel: it would be larger than a flatbuffer can be, 2 GB.
    """
    model = copy.copy(model)
    large: dict[int, Any] = {}
    buffers = []
    for number, buffer in enumerate(model.buffers):
        data = buffer.data
        if data is not None and _size(data) > SMALL:
            large[number], data = data, b""
        buffers.append(_AlignedBuffer(None if data is None else _bytes_of(data)))
    model.buffers = buffers
    structure = flatbuffer_utils.convert_object_to_bytearray(model)
    tables = schema.Model.GetRootAs(structure)
    end = len(structure)
    for number, data in large.items():
        start = end + -(end + 4) % ALIGNMENT  # the length of a vector is written in 4 bytes before it
        _point_data_to(structure, tables.Buffers(number), start)
        end = start + 4 + _size(data)
        if end > LARGEST:
            raise UnsupportedModel(
                "the file would hold more than 2 GB, which no .tflite file can: take an int8 scheme."
            )
    del tables  # it holds the structure
    file = io.BytesIO()
    file.write(structure)
    for data in large.values():
        file.write(bytes(-(file.tell() + 4) % ALIGNMENT))
        file.write(struct.pack("<I", _size(data)))
        for part in _parts(data):
            file.write(_bytes_of(part))
    file.write(bytes(-file.tell() % ALIGNMENT))
    if behind is not None:
        file.write(behind(file.tell()))
    return file.getvalue()


class _AlignedBuffer(schema.BufferT):
    """A buffer whose data start at a multiple of 16, which the generated code promises and does not keep."""

    def Pack(self, builder: flatbuffers.Builder) -> int:
        vector = None
        if self.data is not None:
            payload = bytes(self.data)
            builder.StartVector(1, len(payload), ALIGNMENT)
            builder.head -= len(payload)
            builder.Bytes[builder.head : builder.head + len(payload)] = payload
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


def _size(data: Any) -> int:
    """In bytes. `data`: an array, bytes, or a list of bytes as numbers."""
    return data.nbytes if isinstance(data, np.ndarray | memoryview) else len(data)


def _parts(data: Any) -> Iterator[Any]:
    """The data in parts of about PART bytes, if `_bytes_of` would copy all of it."""
    if not isinstance(data, np.ndarray) or data.flags.c_contiguous or not data.ndim:
        yield data
        return
    rows = max(PART * len(data) // data.nbytes, 1)
    for start in range(0, len(data), rows):
        yield data[start : start + rows]


def _bytes_of(data: Any) -> memoryview:
    if isinstance(data, list):
        data = bytes(data)
    if isinstance(data, np.ndarray):
        data = np.ascontiguousarray(data).reshape(-1).view(np.uint8)
    return memoryview(data)


def _point_data_to(structure: bytearray, table: Any, vector: int) -> None:
    """Sets where a buffer's data stand: an offset from the field of the table that holds it."""
    field = table._tab.Pos + table._tab.Offset(4)
    structure[field : field + 4] = struct.pack("<I", vector - field)
