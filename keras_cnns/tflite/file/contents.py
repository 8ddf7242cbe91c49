"""What is in a `.tflite` file: operators, tensors, types, versions, signatures, metadata. `reader` fills it in."""

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
    """A tensor of a subgraph.

    Attributes:
      shape, signature_shape: as stored, and with -1 for open axes.
      scales, zero_points: empty if the tensor is not quantized; several values belong to the entries of `axis`.
      constant: whether the file stores its values, in `byte_count` bytes.
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
    """An entry of the table of operator kinds. name: such as "CONV_2D"; for a custom operator, its own name.

    builtin, deprecated: the two fields that store the number; readers older than 2020 know only the second.
    """

    name: str
    builtin: int
    deprecated: int
    version: int
    custom: bool = False


@dataclass(frozen=True)
class Operator:
    """One step of a subgraph. inputs: numbers of tensors, -1 for an optional one that is left out.

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
        """The name of an operator in messages: "CONV_2D (operator 3)"."""
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
    """A `.tflite` file. metadata: name -> bytes. packed: names of files in the zip archive behind the flatbuffer."""

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
        """Pictures per run; None if the axis is open."""
        shapes = [tensor.signature_shape for tensor in self.inputs.values()]
        first = shapes[0][0] if shapes and shapes[0] else 1
        return None if first < 0 else first

    @property
    def min_runtime_version(self) -> str:
        """The oldest TensorFlow Lite that the file states it runs on; "" if it states none."""
        return self.metadata.get("min_runtime_version", b"").split(b"\0")[0].decode("ascii", "replace").strip()

    def values(self, tensor: Tensor) -> np.ndarray | None:
        """The stored values of a constant tensor; None if it is computed, or if NumPy has no such type."""
        kind = NUMPY_TYPES.get(tensor.type)
        if not tensor.constant or kind is None or tensor.sparse or tensor.buffer not in self.constants:
            return None
        offset, count = self.constants[tensor.buffer]
        if count != int(np.prod(tensor.shape, dtype=np.int64)) * kind.itemsize:
            return None
        return np.fromfile(self.path, kind, count // kind.itemsize, offset=offset).reshape(tensor.shape)
