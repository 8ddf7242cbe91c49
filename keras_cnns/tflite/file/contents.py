"""What is in a `.tflite` file, read without running it: operators, tensors, types, versions, signatures, metadata."""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

INTEGERS = ("INT4", "INT8", "UINT8", "INT16")  # the types that activations and weights are quantized to
NUMPY_TYPES = {
    **{name: np.dtype(name.lower()) for name in ("INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64")},
    **{name: np.dtype(name.lower()) for name in ("FLOAT16", "FLOAT32", "FLOAT64", "BOOL")},
}


@dataclass(frozen=True)
class Tensor:
    """A tensor of a subgraph. shape: as stored; signature_shape: -1 where an axis is open.

    scales, zero_points: empty where it is not quantized; several belong to the entries of `axis`.
    constant: whether the file holds its values. byte_count: of these values.
    """

    index: int
    name: str
    type: str
    shape: tuple[int, ...]
    signature_shape: tuple[int, ...]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int
    buffer: int
    constant: bool
    byte_count: int
    variable: bool = False
    sparse: bool = False

    @property
    def dynamic(self) -> bool:
        """Whether an axis is open."""
        return any(size < 0 for size in self.signature_shape)

    @property
    def quantized(self) -> bool:
        return bool(self.scales) and self.type in (*INTEGERS, "INT32", "INT64")


@dataclass(frozen=True)
class OperatorCode:
    """An entry of the table that operators refer to. name: "CONV_2D"; of a custom operator, its own name.

    builtin, deprecated: the two fields that hold the number; readers older than 2020 know only the second.
    """

    name: str
    builtin: int
    deprecated: int
    version: int
    custom: bool = False


@dataclass(frozen=True)
class Operator:
    """One step of a subgraph. inputs: numbers of tensors, -1 where an optional one is left out.

    options: the table of its settings (a class of `schema_py_generated`), or None.
    """

    index: int
    name: str
    version: int
    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    custom: bool
    options: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Subgraph:
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @cached_property
    def producers(self) -> dict[int, Operator]:
        """Number of a tensor -> the operator that computes it."""
        return {tensor: operator for operator in self.operators for tensor in operator.outputs}

    @cached_property
    def readers(self) -> dict[int, list[Operator]]:
        """Number of a tensor -> the operators that read it."""
        readers: dict[int, list[Operator]] = {}
        for operator in self.operators:
            for tensor in operator.inputs:
                readers.setdefault(tensor, []).append(operator)
        return readers

    def tensor(self, index: int) -> Tensor | None:
        """The tensor of this number; None for -1, an optional input that is left out."""
        return self.tensors[index] if index >= 0 else None

    def read_by(self, operator: Operator) -> Iterator[Tensor]:
        """The tensors that an operator reads."""
        return (self.tensors[i] for i in operator.inputs if i >= 0)

    def made_by(self, operator: Operator) -> Iterator[Tensor]:
        """The tensors that an operator computes."""
        return (self.tensors[i] for i in operator.outputs if i >= 0)

    def label(self, operator: Operator) -> str:
        """How a message names an operator: "CONV_2D (operator 3)"."""
        return f"{operator.name} (operator {operator.index})"


@dataclass(frozen=True)
class Signature:
    """A named entry point. inputs, outputs: name -> number of the tensor."""

    name: str
    subgraph: int
    inputs: dict[str, int]
    outputs: dict[str, int]


@dataclass(frozen=True)
class TFLiteFile:
    """A `.tflite` file. metadata: name -> bytes, as listed in the file. packed: names of the files zipped behind it."""

    path: Path
    size_bytes: int
    version: int
    description: str
    codes: tuple[OperatorCode, ...]
    subgraphs: tuple[Subgraph, ...]
    signatures: tuple[Signature, ...]
    metadata: dict[str, bytes]
    packed: tuple[str, ...] = ()
    constants: dict[int, tuple[int, int]] = field(default_factory=dict, repr=False)  # buffer -> (offset, bytes)

    @property
    def main(self) -> Subgraph:
        """The subgraph that runs first."""
        return self.subgraphs[0]

    @property
    def inputs(self) -> dict[str, Tensor]:
        """Name in the signature (or of the tensor) -> input of the main subgraph, in its order."""
        return self._ends("inputs")

    @property
    def outputs(self) -> dict[str, Tensor]:
        """Name in the signature (or of the tensor) -> output of the main subgraph, in its order."""
        return self._ends("outputs")

    def _ends(self, side: str) -> dict[str, Tensor]:
        signature = next((s for s in self.signatures if s.subgraph == 0), None)
        names = {number: name for name, number in getattr(signature, side).items()} if signature else {}
        tensors = [self.main.tensors[i] for i in getattr(self.main, side)]
        return {names.get(tensor.index, tensor.name): tensor for tensor in tensors}

    @property
    def batch(self) -> int | None:
        """Pictures at a time; None where the axis is open."""
        shapes = [tensor.signature_shape for tensor in self.inputs.values()]
        first = shapes[0][0] if shapes and shapes[0] else 1
        return None if first < 0 else first

    @property
    def min_runtime_version(self) -> str:
        """The oldest TensorFlow Lite that the file says it runs on; "" where it says none."""
        return self.metadata.get("min_runtime_version", b"").split(b"\0")[0].decode("ascii", "replace").strip()

    def values(self, tensor: Tensor) -> np.ndarray | None:
        """What a constant tensor holds, as stored; None where it is computed, or of a type without a NumPy one."""
        kind = NUMPY_TYPES.get(tensor.type)
        if not tensor.constant or kind is None or tensor.sparse or tensor.buffer not in self.constants:
            return None
        offset, count = self.constants[tensor.buffer]
        if count != int(np.prod(tensor.shape, dtype=np.int64)) * kind.itemsize:
            return None
        return np.fromfile(self.path, kind, count // kind.itemsize, offset=offset).reshape(tensor.shape)


class Unreadable(ValueError):
    """Bytes that are no complete `.tflite` file."""


DAMAGE = (struct.error, IndexError, ValueError, TypeError, AttributeError, OverflowError, KeyError, AssertionError)
MOST_ENTRIES = 2_000_000  # tensors, operators and their numbers; the largest network here has a few thousand


def read_contents(path: str | Path) -> TFLiteFile:
    """What is in the `.tflite` file at `path`. Values of weights are read only when they are asked for.

    Raises:
      Unreadable: it is not a `.tflite` file, or it is cut off or damaged.
      OSError: it cannot be opened.
    """
    path = Path(path)
    if not path.is_file():
        raise Unreadable("it is not a file")
    size = path.stat().st_size
    if size < 16:
        raise Unreadable(f"it has only {size} bytes")
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # closes itself once no array points into it
    if data[4:8] != b"TFL3":
        raise Unreadable(f"it is not a .tflite file (bytes 4 to 8 are {data[4:8]!r}, not b'TFL3')")
    try:
        return _Reader(data, path, size).file()
    except Unreadable:
        raise
    except DAMAGE as error:
        raise Unreadable(f"it is cut off or damaged ({type(error).__name__} while reading it)") from None


class _Reader:
    """Walks through the flatbuffer. `data` may be a memory map: nothing but the structure is touched."""

    def __init__(self, data: Any, path: Path, size: int):
        from ai_edge_litert import schema_py_generated as schema

        self.schema, self.data, self.path, self.size, self.entries = schema, data, path, size, 0
        self.model = schema.Model.GetRootAs(data)
        self.types = {number: name for name, number in vars(schema.TensorType).items() if name[0] != "_"}
        self.builtins = {number: name for name, number in vars(schema.BuiltinOperator).items() if name[0] != "_"}
        self.options = {number: name for name, number in vars(schema.BuiltinOptions).items() if name[0] != "_"}

    def count(self, number: int) -> range:
        """The entries of a table; damaged files announce more than they can hold."""
        self.entries += number
        if number < 0 or self.entries > min(MOST_ENTRIES, self.size):
            raise Unreadable("it is damaged: it announces more entries than it can hold")
        return range(number)

    def file(self) -> TFLiteFile:
        model = self.model
        if not model.SubgraphsLength():
            raise Unreadable("it holds no network")
        constants = {}
        for i in self.count(model.BuffersLength()):
            constants[i] = self._buffer(model.Buffers(i))
        codes = tuple(self._code(model.OperatorCodes(i)) for i in self.count(model.OperatorCodesLength()))
        return TFLiteFile(
            path=self.path,
            size_bytes=self.size,
            version=model.Version(),
            description=_text(model.Description()),
            codes=codes,
            subgraphs=tuple(
                self._subgraph(model.Subgraphs(i), codes, constants) for i in self.count(model.SubgraphsLength())
            ),
            signatures=tuple(self._signature(model.SignatureDefs(i)) for i in self.count(model.SignatureDefsLength())),
            metadata=self._metadata(constants),
            packed=_packed(self.path),
            constants={i: place for i, place in constants.items() if place[1]},
        )

    def _buffer(self, buffer) -> tuple[int, int]:
        """(offset in the file, bytes) of what a buffer holds."""
        if buffer.Offset() > 1:  # kept behind the flatbuffer
            offset, length = buffer.Offset(), buffer.Size()
        else:
            length = buffer.DataLength()
            entry = buffer._tab.Offset(4)
            offset = buffer._tab.Vector(entry) if entry else 0
        if offset + length > self.size:
            raise Unreadable("it is cut off: weights are missing at its end")
        return offset, length

    def _code(self, code) -> OperatorCode:
        deprecated, builtin = code.DeprecatedBuiltinCode(), code.BuiltinCode()
        number = max(deprecated, builtin)
        custom = number == self.schema.BuiltinOperator.CUSTOM
        name = _text(code.CustomCode()) if custom else self.builtins.get(number, f"operator number {number}")
        return OperatorCode(name, builtin, deprecated, code.Version(), custom)

    def _subgraph(self, graph, codes, constants) -> Subgraph:
        tensors = tuple(self._tensor(i, graph.Tensors(i), constants) for i in self.count(graph.TensorsLength()))
        operators = tuple(self._operator(i, graph.Operators(i), codes) for i in self.count(graph.OperatorsLength()))
        inputs, outputs = self._numbers(graph, "Inputs"), self._numbers(graph, "Outputs")
        used = [*inputs, *outputs, *(i for o in operators for i in (*o.inputs, *o.outputs))]
        if any(not -1 <= i < len(tensors) for i in used) or min((*inputs, *outputs), default=0) < 0:
            raise Unreadable("it is damaged: an operator reads a tensor that the file does not have")
        return Subgraph(tensors, operators, inputs, outputs)

    def _tensor(self, index: int, tensor, constants) -> Tensor:
        shape = self._numbers(tensor, "Shape")
        signature = self._numbers(tensor, "ShapeSignature") or shape
        quantization = tensor.Quantization()
        scales, zero_points, axis = (), (), 0
        if quantization is not None:
            scales = tuple(map(float, self._array(quantization, "Scale")))
            zero_points = tuple(map(int, self._array(quantization, "ZeroPoint")))
            axis = quantization.QuantizedDimension()
        number = tensor.Buffer()
        length = constants[number][1] if number in constants else 0
        return Tensor(
            index=index,
            name=_text(tensor.Name()),
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

    def _operator(self, index: int, operator, codes) -> Operator:
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

    def _signature(self, signature) -> Signature:
        def entries(side: str) -> dict[str, int]:
            rows = [getattr(signature, side)(i) for i in self.count(getattr(signature, f"{side}Length")())]
            return {_text(row.Name()): row.TensorIndex() for row in rows}

        name = _text(signature.SignatureKey())
        return Signature(name, signature.SubgraphIndex(), entries("Inputs"), entries("Outputs"))

    def _metadata(self, constants) -> dict[str, bytes]:
        entries = [self.model.Metadata(i) for i in self.count(self.model.MetadataLength())]
        held = {}
        for entry in entries:
            offset, length = constants[entry.Buffer()]
            held[_text(entry.Name())] = bytes(self.data[offset : offset + length])
        return held

    def _array(self, table, name: str) -> np.ndarray:
        self.count(getattr(table, f"{name}Length")())
        array = getattr(table, f"{name}AsNumpy")()
        return np.asarray(array if not isinstance(array, int) else ()).copy()  # 0: the generated code's "none"

    def _numbers(self, table, name: str) -> tuple[int, ...]:
        return tuple(map(int, self._array(table, name)))


def _packed(path: Path) -> tuple[str, ...]:
    """The names of the files zipped behind the flatbuffer; none where there is no archive, or a damaged one."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return ()


def _text(name: bytes | None) -> str:
    return name.decode("utf-8", "replace") if name else ""
