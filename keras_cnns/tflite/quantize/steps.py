"""A `.tflite` file as single operators, each run by LiteRT on its own, so that values can be changed in between.

A complete file shows only its outputs; run operator by operator, it shows what a rounded kernel does to later layers.
"""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.quantize.results import INTEGERS as INTEGERS

KIND = schema.BuiltinOperator
KINDS = {number: name for name, number in vars(KIND).items() if isinstance(number, int)}
TYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.UINT8: np.uint8,
    schema.TensorType.INT16: np.int16,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT64: np.int64,
    schema.TensorType.BOOL: np.bool_,
}
ACTIVATION = schema.ActivationFunctionType
LIMITS = {
    ACTIVATION.NONE: (-np.inf, np.inf),
    ACTIVATION.RELU: (0.0, np.inf),
    ACTIVATION.RELU6: (0.0, 6.0),
    ACTIVATION.RELU_N1_TO_1: (-1.0, 1.0),
}


class File:
    """A flatbuffer with one graph: its operators and tensors, and its constants as arrays."""

    def __init__(self, data: bytes) -> None:
        self.model = flatbuffer.read(data)
        self.graph = self.model.subgraphs[0]
        self.tensors, self.operators = self.graph.tensors, self.graph.operators
        self.codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in self.model.operatorCodes]

    @property
    def simple(self) -> bool:
        """Whether there is one graph whose operators can be run one by one: without state and without loops."""
        known = {-1, *self.graph.inputs}
        for operator in self.operators:
            if any(i not in known and self.constant(i) is None for i in operator.inputs) or -1 in operator.outputs:
                return False
            known.update(operator.outputs)
        return len(self.model.subgraphs) == 1

    @property
    def computing(self) -> dict[str, schema.OperatorT]:
        """{name of its first result: operator} of all operators except QUANTIZE and DEQUANTIZE."""
        skipped = (KIND.QUANTIZE, KIND.DEQUANTIZE)
        return {self.name(o.outputs[0]): o for o in self.operators if self.kind(o) not in skipped}

    def kind(self, operator: schema.OperatorT) -> int:
        return self.codes[operator.opcodeIndex]

    def name(self, tensor: int) -> str:
        return self.tensors[tensor].name.decode()

    def constant(self, tensor: int) -> np.ndarray | None:
        """The stored values of a tensor; None if it is computed or stored in an unknown way."""
        if tensor < 0:
            return None
        held = self.tensors[tensor]
        data = self.model.buffers[held.buffer].data
        data = bytes(data) if isinstance(data, list) else data
        if data is None or len(data) == 0 or held.sparsity is not None:
            return None
        shape = () if held.shape is None else tuple(held.shape)
        if held.type == schema.TensorType.INT4:
            return unpacked(np.frombuffer(data, np.uint8), shape)
        return np.frombuffer(data, TYPES[held.type]).reshape(shape) if held.type in TYPES else None

    def store(self, tensor: int, values: np.ndarray) -> None:
        """Replaces the values of a constant tensor, in a new buffer."""
        held = self.tensors[tensor]
        buffer = schema.BufferT()
        raw = packed(values) if held.type == schema.TensorType.INT4 else np.ascontiguousarray(values, TYPES[held.type])
        buffer.data = np.frombuffer(raw.tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        held.buffer = len(self.model.buffers) - 1

    def twin(self, tensor: int, of: int) -> int:
        """The index of a copy of the tensor, for one reader alone."""
        held = copy.copy(self.tensors[tensor])
        held.name = held.name + b"_of_" + self.tensors[of].name
        self.tensors.append(held)
        return len(self.tensors) - 1

    def readers(self, tensor: int) -> int:
        """The number of operators that read a tensor."""
        return sum(int(tensor in operator.inputs) for operator in self.operators)

    def without(self, buffers: Iterable[int]) -> bytes:
        """The model as bytes, without the contents of these buffers."""
        kept = {t.buffer for graph in self.model.subgraphs for t in graph.tensors}
        kept |= {entry.buffer for entry in self.model.metadata or []}
        for index in buffers:
            if index not in kept:
                self.model.buffers[index].data = None
        return flatbuffer.write(self.model)


def unpacked(data: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Four-bit integers [shape] from bytes that hold two of them, the first in the low half."""
    pairs = np.stack([data & 15, data >> 4], -1).reshape(-1)[: int(np.prod(shape))].astype(np.int8)
    return np.where(pairs > 7, pairs - 16, pairs).astype(np.int8).reshape(shape)


def packed(values: np.ndarray) -> np.ndarray:
    """The reverse of `unpacked`."""
    flat = np.asarray(values, np.int8).reshape(-1).astype(np.uint8) & 15
    flat = np.pad(flat, (0, len(flat) % 2))
    return flat[::2] | (flat[1::2] << 4)


def in_floats(integers: np.ndarray, tensor: schema.TensorT) -> np.ndarray:
    """The float values of integers in a tensor of the quantized file."""
    shape = [1] * integers.ndim
    if len(tensor.quantization.scale) > 1:
        shape[tensor.quantization.quantizedDimension] = -1
    scale, zero = (np.asarray(v).reshape(shape) for v in (tensor.quantization.scale, tensor.quantization.zeroPoint))
    return ((integers.astype(np.float64) - zero) * scale).astype(np.float32)


@dataclass
class Step:
    """One operator of a file, to be run on given values of its inputs.

    Args:
      replaced: {position among the inputs: array}, constants to use instead of the stored ones.
      linear: without the fused activation.
    """

    file: File
    operator: schema.OperatorT
    replaced: dict[int, np.ndarray] = field(default_factory=dict)
    linear: bool = False

    def __post_init__(self) -> None:
        model, graph, file = schema.ModelT(), schema.SubGraphT(), self.file
        operator = copy.copy(self.operator)
        if self.linear:
            operator.builtinOptions = copy.copy(operator.builtinOptions)
            operator.builtinOptions.fusedActivationFunction = ACTIVATION.NONE
        model.version, model.description = 3, b""
        model.operatorCodes, operator.opcodeIndex = [file.model.operatorCodes[operator.opcodeIndex]], 0
        model.buffers, graph.tensors, graph.operators = [schema.BufferT()], [], [operator]
        self.given: list[int] = []  # places among the operator's inputs that are computed
        place: dict[int, int] = {}
        inputs: list[int] = []
        for i, tensor in enumerate(self.operator.inputs):
            if tensor < 0:
                inputs.append(-1)
                continue
            constant = self.replaced.get(i, file.constant(tensor))
            if constant is None and tensor in place:
                inputs.append(place[tensor])
                continue
            inputs.append(self._tensor(model, graph, tensor, constant))
            if constant is None:
                place[tensor] = inputs[-1]
                self.given.append(i)
        operator.inputs = inputs
        operator.outputs = [
            self._tensor(model, graph, tensor, None) if tensor >= 0 else -1 for tensor in operator.outputs
        ]
        graph.inputs, graph.outputs = [inputs[i] for i in self.given], [i for i in operator.outputs if i >= 0]
        model.subgraphs = [graph]
        self.interpreter = Interpreter(model_content=flatbuffer.write(model), num_threads=2)
        self.interpreter.allocate_tensors()
        self.shapes: list[tuple[int, ...]] | None = None
        self.places = [detail["index"] for detail in self.interpreter.get_input_details()]
        self.results = [detail["index"] for detail in self.interpreter.get_output_details()]

    def _tensor(self, model: schema.ModelT, graph: schema.SubGraphT, tensor: int, constant: np.ndarray | None) -> int:
        held = copy.copy(self.file.tensors[tensor])
        held.buffer, held.quantization, held.isVariable = 0, None, False
        if constant is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(constant, TYPES[held.type]).tobytes(), np.uint8)
            model.buffers.append(buffer)
            held.buffer = len(model.buffers) - 1
        graph.tensors.append(held)
        return len(graph.tensors) - 1

    def once(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs of one run, for the computed inputs in their order."""
        shapes = [value.shape for value in values]
        if self.shapes != shapes:
            for detail, shape in zip(self.interpreter.get_input_details(), shapes, strict=True):
                if tuple(detail["shape"]) != shape:  # an open batch
                    self.interpreter.resize_tensor_input(detail["index"], shape)
            self.interpreter.allocate_tensors()
            self.shapes = shapes
        for place, value in zip(self.places, values, strict=True):
            self.interpreter.set_tensor(place, value)
        self.interpreter.invoke()
        return [self.interpreter.get_tensor(place) for place in self.results]

    def run(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs, each [runs, ...], for the computed inputs in their order, each [runs, ...]."""
        results: list[np.ndarray] = []
        runs = len(values[0]) if values else 1
        for run in range(runs):
            outputs = self.once([value[run] for value in values])
            if not run:
                results = [np.empty((runs, *output.shape), output.dtype) for output in outputs]
            for kept, output in zip(results, outputs, strict=True):
                kept[run] = output
        return results


def activated(operator: schema.OperatorT, values: np.ndarray) -> np.ndarray:
    """Applies the operator's fused activation to the values, in place."""
    low, high = LIMITS[operator.builtinOptions.fusedActivationFunction]
    return values if np.isinf(low) and np.isinf(high) else np.clip(values, low, high, out=values)
