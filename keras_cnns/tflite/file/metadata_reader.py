"""Reads TFLite metadata of any tool: what an app must know about the inputs and outputs of a file.

The numbers are the field numbers of the schema `metadata_schema.fbs` (identifier M001); `metadata` writes the same.
"""

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_cnns.support.errors import UnreadableFile

NAME, IDENTIFIER = "TFLITE_METADATA", b"M001"
AXIS_LABELS = 2  # the type of a file that names the classes, one a line
NORMALIZATION = 1  # the option of a process unit that holds mean and std
_DAMAGE = (struct.error, IndexError, ValueError, TypeError, OverflowError)
_MOST = 10_000  # tables in one list
_ANYWAY, _SHARED = 2**20, 4  # bytes of texts and tables that are read, and that many times those of the metadata


@dataclass(frozen=True)
class TensorMetadata:
    """Metadata of one input or output. mean, std: empty without a normalization. label_files: names of packed files."""

    name: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    label_files: tuple[str, ...] = ()
    other_files: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelMetadata:
    """Metadata of the first subgraph."""

    name: str = ""
    inputs: tuple[TensorMetadata, ...] = ()
    outputs: tuple[TensorMetadata, ...] = ()
    files: tuple[str, ...] = field(default=())


def read_metadata(data: bytes) -> ModelMetadata:
    """The metadata in the buffer `data`.

    Raises:
      UnreadableFile: it is not TFLite metadata, or is damaged.
    """
    if data[4:8] != IDENTIFIER:
        raise UnreadableFile(f"the metadata does not begin with the identifier {IDENTIFIER.decode()}")
    try:
        return _Reader(data).metadata()
    except _DAMAGE as error:
        raise UnreadableFile(f"the metadata is damaged ({type(error).__name__} while reading it)") from None


class _Reader:
    """Reads the tables of one buffer. Several tables may share one text or list, but not without a limit."""

    def __init__(self, data: bytes) -> None:
        from flatbuffers import encode, packer
        from flatbuffers.table import Table

        self.root = Table(bytearray(data), encode.Get(packer.uoffset, data, 0))
        self.left = _ANYWAY + _SHARED * len(data)

    def metadata(self) -> ModelMetadata:
        graphs = self.tables(self.root, 3)[:1]
        files = [*self.tables(self.root, 6), *(file for graph in graphs for file in self.tables(graph, 4))]
        return ModelMetadata(
            name=self.text(self.root, 0),
            inputs=tuple(self.tensor(table) for graph in graphs for table in self.tables(graph, 2)),
            outputs=tuple(self.tensor(table) for graph in graphs for table in self.tables(graph, 3)),
            files=tuple(self.text(file, 0) for file in files),
        )

    def tensor(self, table: Any) -> TensorMetadata:
        mean: tuple[float, ...] = ()
        std: tuple[float, ...] = ()
        for unit in self.tables(table, 4):
            if _number(unit, 0) == NORMALIZATION and (options := _table(unit, 1)):
                mean, std = self.floats(options, 0), self.floats(options, 1)
        files = [(self.text(file, 0), _number(file, 2)) for file in self.tables(table, 6)]
        return TensorMetadata(
            name=self.text(table, 0),
            mean=mean,
            std=std,
            label_files=tuple(name for name, kind in files if kind == AXIS_LABELS),
            other_files=tuple(name for name, kind in files if kind != AXIS_LABELS),
        )

    def text(self, table: Any, number: int) -> str:
        place = _place(table, number)
        text = table.String(place) if place else b""
        self._take(len(text))
        return str(text.decode("utf-8", "replace"))

    def tables(self, table: Any, number: int) -> list[Any]:
        from flatbuffers.table import Table

        place = _place(table, number)
        if not place:
            return []
        count, start = self._length(table, place)
        return [Table(table.Bytes, table.Indirect(start + 4 * i)) for i in range(count)]

    def floats(self, table: Any, number: int) -> tuple[float, ...]:
        place = _place(table, number)
        if not place:
            return ()
        count, start = self._length(table, place)
        return tuple(map(float, np.frombuffer(table.Bytes, "<f4", count, start)))

    def _length(self, table: Any, place: int) -> tuple[int, int]:
        """(number of entries, where the first stands) of a vector of entries of 4 bytes."""
        offset = place - table.Pos
        count, start = table.VectorLen(offset), table.Vector(offset)
        if count > _MOST or start + count * 4 > len(table.Bytes):
            raise ValueError("a list longer than the metadata")
        self._take(4 * count)
        return count, start

    def _take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise ValueError("tables that share far more than there is")


def _place(table: Any, number: int) -> int:
    """Where a field stands; 0 where it is left out."""
    offset = table.Offset(4 + 2 * number)
    return offset + table.Pos if offset else 0


def _number(table: Any, number: int) -> int:
    place = _place(table, number)
    return table.Bytes[place] if place else 0


def _table(table: Any, number: int) -> Any:
    from flatbuffers.table import Table

    place = _place(table, number)
    return Table(table.Bytes, table.Indirect(place)) if place else None
