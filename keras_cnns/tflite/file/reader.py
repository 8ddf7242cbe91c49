"""Reads the structure of a `.tflite` file (`contents.TFLiteFile`): nothing is run, and no weights are loaded."""

import mmap
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.support.archives import open_zip
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.tflite.file.contents import Operator, OperatorCode, Signature, Subgraph, Tensor, TFLiteFile

DAMAGE = (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError, KeyError, AssertionError)
ANYWAY, SHARED = 2**24, 4  # bytes of names and metadata that are read, and that many times those of the file
MOST_ENTRIES = 2_000_000  # tensors, operators and their numbers; the largest network here has a few thousand


def read_contents(path: str | Path) -> TFLiteFile:
    """The structure of the `.tflite` file at `path`. Values of weights are read only on request.

    Raises:
      UnreadableFile: there is no such file, it is not a `.tflite` file, or it is cut off or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise UnreadableFile(f"there is no file {path}.")
    size = path.stat().st_size
    try:
        with open(path, "rb") as file:
            start = file.read(8)
            if start[4:] != b"TFL3":
                raise UnreadableFile(f"{path} is not a .tflite file{_kind(start)}.")
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # closes itself once nothing points into it
        return _Reader(data, path, size).file()
    except _Damaged as error:
        raise UnreadableFile(f"{path} is damaged: {error}.") from None
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnreadableFile:
        raise
    except DAMAGE as error:
        raise UnreadableFile(f"{path} is cut off or damaged ({type(error).__name__} while reading it).") from None


def _kind(start: bytes) -> str:
    if not start:
        return ": it is empty"
    known = {
        b"PK": "a zip archive, perhaps a .keras file",
        b"\x89HDF": "an HDF5 file",
        b"\x08": "perhaps an ONNX model",
    }
    return next((f": it is {kind}" for magic, kind in known.items() if start.startswith(magic)), "")


class _Damaged(Exception):
    """What is wrong with the flatbuffer, as the end of a sentence."""


class _Reader:
    """Walks through the flatbuffer. `data` may be a memory map: nothing but the structure is touched."""

    def __init__(self, data: Any, path: Path, size: int) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self.schema, self.data, self.path, self.size, self.entries = schema, data, path, size, 0
        self.left = ANYWAY + SHARED * size
        self.model = schema.Model.GetRootAs(data)
        self.types = {number: name for name, number in vars(schema.TensorType).items() if name[0] != "_"}
        self.builtins = {number: name for name, number in vars(schema.BuiltinOperator).items() if name[0] != "_"}
        self.options = {number: name for name, number in vars(schema.BuiltinOptions).items() if name[0] != "_"}

    def count(self, number: int) -> range:
        """The entries of a table; damaged files announce more than they can hold."""
        self.entries += number
        if number < 0 or self.entries > min(MOST_ENTRIES, self.size):
            raise _Damaged("it declares more entries than it has room for")
        return range(number)

    def take(self, content: bytes) -> bytes:
        """`content`, if there is not far more of it than the file has bytes: any number of tensors may share a name."""
        self.left -= len(content)
        if self.left < 0:
            raise _Damaged("its names and metadata are larger than the file")
        return content

    def text(self, name: bytes | None) -> str:
        return self.take(name).decode("utf-8", "replace") if name else ""

    def file(self) -> TFLiteFile:
        model = self.model
        if not model.SubgraphsLength():
            raise _Damaged("it holds no network")
        constants = {}
        for i in self.count(model.BuffersLength()):
            constants[i] = self._buffer(model.Buffers(i))
        codes = tuple(self._code(model.OperatorCodes(i)) for i in self.count(model.OperatorCodesLength()))
        return TFLiteFile(
            path=self.path,
            size_bytes=self.size,
            version=model.Version(),
            description=self.text(model.Description()),
            codes=codes,
            subgraphs=tuple(
                self._subgraph(model.Subgraphs(i), codes, constants) for i in self.count(model.SubgraphsLength())
            ),
            signatures=tuple(self._signature(model.SignatureDefs(i)) for i in self.count(model.SignatureDefsLength())),
            metadata=self._metadata(constants),
            packed=_packed(self.path),
            constants={i: place for i, place in constants.items() if place[1]},
        )

    def _buffer(self, buffer: Any) -> tuple[int, int]:
        """(offset in the file, bytes) of what a buffer holds."""
        if buffer.Offset() > 1:  # kept behind the flatbuffer
            offset, length = buffer.Offset(), buffer.Size()
        else:
            length = buffer.DataLength()
            entry = buffer._tab.Offset(4)
            offset = buffer._tab.Vector(entry) if entry else 0
        if offset + length > self.size:
            raise _Damaged("weights are missing at its end, it was cut off")
        return offset, length

    def _code(self, code: Any) -> OperatorCode:
        deprecated, builtin = code.DeprecatedBuiltinCode(), code.BuiltinCode()
        number = max(deprecated, builtin)
        custom = number == self.schema.BuiltinOperator.CUSTOM
        name = self.text(code.CustomCode()) if custom else self.builtins.get(number, f"operator number {number}")
        return OperatorCode(name, builtin, deprecated, code.Version(), custom)

    def _subgraph(
        self, graph: Any, codes: Sequence[OperatorCode], constants: Mapping[int, tuple[int, int]]
    ) -> Subgraph:
        tensors = tuple(self._tensor(i, graph.Tensors(i), constants) for i in self.count(graph.TensorsLength()))
        operators = tuple(self._operator(i, graph.Operators(i), codes) for i in self.count(graph.OperatorsLength()))
        inputs, outputs = self._numbers(graph, "Inputs"), self._numbers(graph, "Outputs")
        used = [*inputs, *outputs, *(i for o in operators for i in (*o.inputs, *o.outputs))]
        if any(not -1 <= i < len(tensors) for i in used) or min((*inputs, *outputs), default=0) < 0:
            raise _Damaged("an operator reads a tensor that the file does not have")
        return Subgraph(tensors, operators, inputs, outputs)

    def _tensor(self, index: int, tensor: Any, constants: Mapping[int, tuple[int, int]]) -> Tensor:
        shape = self._numbers(tensor, "Shape")
        signature = self._numbers(tensor, "ShapeSignature") or shape
        quantization = tensor.Quantization()
        scales: tuple[float, ...] = ()
        zero_points: tuple[int, ...] = ()
        axis = 0
        if quantization is not None:
            scales = tuple(map(float, self._array(quantization, "Scale")))
            zero_points = tuple(map(int, self._array(quantization, "ZeroPoint")))
            axis = quantization.QuantizedDimension()
        number = tensor.Buffer()
        length = constants[number][1] if number in constants else 0
        return Tensor(
            index=index,
            name=self.text(tensor.Name()),
            type=self.types.get(tensor.Type(), f"type number {tensor.Type()}"),
            shape=shape,
            signature_shape=signature,
            scales=scales,
            zero_points=zero_points,
            axis=axis,
            buffer=number,
            constant=length > 0,
            byte_count=length,
            variable=bool(tensor.IsVariable()),
            sparse=tensor.Sparsity() is not None,
        )

    def _operator(self, index: int, operator: Any, codes: Sequence[OperatorCode]) -> Operator:
        number = operator.OpcodeIndex()
        code = codes[number]
        table, options = operator.BuiltinOptions(), None
        kind = getattr(self.schema, self.options.get(operator.BuiltinOptionsType(), ""), None)
        if table is not None and kind is not None:
            options = kind()
            options.Init(table.Bytes, table.Pos)
            options = getattr(self.schema, f"{kind.__name__}T").InitFromObj(options)
        inputs, outputs = self._numbers(operator, "Inputs"), self._numbers(operator, "Outputs")
        return Operator(index, code.name, code.version, number, inputs, outputs, code.custom, options)

    def _signature(self, signature: Any) -> Signature:
        def entries(side: str) -> dict[str, int]:
            rows = [getattr(signature, side)(i) for i in self.count(getattr(signature, f"{side}Length")())]
            return {self.text(row.Name()): row.TensorIndex() for row in rows}

        name = self.text(signature.SignatureKey())
        return Signature(name, signature.SubgraphIndex(), entries("Inputs"), entries("Outputs"))

    def _metadata(self, constants: Mapping[int, tuple[int, int]]) -> dict[str, bytes]:
        entries = [self.model.Metadata(i) for i in self.count(self.model.MetadataLength())]
        held = {}
        for entry in entries:
            offset, length = constants[entry.Buffer()]
            held[self.text(entry.Name())] = self.take(bytes(self.data[offset : offset + length]))
        return held

    def _array(self, table: Any, name: str) -> np.ndarray:
        self.count(getattr(table, f"{name}Length")())
        array = getattr(table, f"{name}AsNumpy")()
        return np.asarray(array if not isinstance(array, int) else ()).copy()  # 0: the generated code's "none"

    def _numbers(self, table: Any, name: str) -> tuple[int, ...]:
        return tuple(map(int, self._array(table, name)))


def _packed(path: Path) -> tuple[str, ...]:
    """The names of the files zipped behind the flatbuffer; none where there is no archive, or a damaged one."""
    try:
        with open_zip(path) as archive:
            return tuple(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):  # also UnreadableFile: `check` says what is wrong with it
        return ()
