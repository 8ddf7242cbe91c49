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
        from flatbuffers import encode, packer
        from flatbuffers.table import Table

        root = Table(bytearray(data), encode.Get(packer.uoffset, data, 0))
        graphs = _tables(root, 3)[:1]
        files = [*_tables(root, 6), *(file for graph in graphs for file in _tables(graph, 4))]
        return ModelMetadata(
            name=_text(root, 0),
            inputs=tuple(_tensor(table) for graph in graphs for table in _tables(graph, 2)),
            outputs=tuple(_tensor(table) for graph in graphs for table in _tables(graph, 3)),
            files=tuple(_text(file, 0) for file in files),
        )
    except _DAMAGE as error:
        raise UnreadableFile(f"the metadata is damaged ({type(error).__name__} while reading it)") from None


def _tensor(table: Any) -> TensorMetadata:
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    for unit in _tables(table, 4):
        if _number(unit, 0) == NORMALIZATION and (options := _table(unit, 1)):
            mean, std = _floats(options, 0), _floats(options, 1)
    files = [(_text(file, 0), _number(file, 2)) for file in _tables(table, 6)]
    return TensorMetadata(
        name=_text(table, 0),
        mean=mean,
        std=std,
        label_files=tuple(name for name, kind in files if kind == AXIS_LABELS),
        other_files=tuple(name for name, kind in files if kind != AXIS_LABELS),
    )


def _place(table: Any, number: int) -> int:
    """Where a field stands; 0 where it is left out."""
    offset = table.Offset(4 + 2 * number)
    return offset + table.Pos if offset else 0


def _text(table: Any, number: int) -> str:
    place = _place(table, number)
    return table.String(place).decode("utf-8", "replace") if place else ""


def _number(table: Any, number: int) -> int:
    place = _place(table, number)
    return table.Bytes[place] if place else 0


def _table(table: Any, number: int) -> Any:
    from flatbuffers.table import Table

    place = _place(table, number)
    return Table(table.Bytes, table.Indirect(place)) if place else None


def _length(table: Any, place: int, width: int) -> tuple[int, int]:
    """(number of entries, where the first stands) of a vector."""
    offset = place - table.Pos
    count, start = table.VectorLen(offset), table.Vector(offset)
    if count > _MOST or start + count * width > len(table.Bytes):
        raise ValueError("a list longer than the metadata")
    return count, start


def _tables(table: Any, number: int) -> list[Any]:
    from flatbuffers.table import Table

    place = _place(table, number)
    if not place:
        return []
    count, start = _length(table, place, 4)
    return [Table(table.Bytes, table.Indirect(start + 4 * i)) for i in range(count)]


def _floats(table: Any, number: int) -> tuple[float, ...]:
    place = _place(table, number)
    if not place:
        return ()
    count, start = _length(table, place, 4)
    return tuple(map(float, np.frombuffer(table.Bytes, "<f4", count, start)))
