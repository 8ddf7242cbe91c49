"""Reads and writes the `.tflite` flatbuffer as an object, with small changes to it."""

import copy
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from keras_cnns.tflite.file.packing import packed


def read(data: bytes) -> schema.ModelT:
    """The flatbuffer `data` as a `schema.ModelT`; its weights are not copied, and cannot be changed in place."""
    return flatbuffer_utils.read_model_from_bytearray(memoryview(data).toreadonly())


def write(model: schema.ModelT, behind: Callable[[int], bytes] | None = None) -> bytes:
    """`model` as one flatbuffer with its weights inside it (`packing.packed`), and what stands `behind` it.

    The quantizer puts weights behind the flatbuffer, where older runtimes do not look for them, and where files packed
    into the model belong.
    """
    return packed(model, behind)


def sign(model: schema.ModelT, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Gives `model` the signature "serving_default": `inputs` by their tensors' names, `outputs` by order."""
    graph = model.subgraphs[0]
    called = {graph.tensors[i].name.decode(): i for i in graph.inputs}
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
    signature.inputs = [_entry(name, called[name]) for name in inputs]
    signature.outputs = [_entry(name, i) for name, i in zip(outputs, graph.outputs, strict=True)]
    model.signatureDefs = [signature]


def _entry(name: str, tensor: int) -> schema.TensorMapT:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name.encode(), tensor
    return entry


def in_order(data: bytes, outputs: list[str]) -> bytes:
    """The flatbuffer `data` with its outputs in the order of `names`; the converter sorts them by the alphabet."""
    model = read(data)
    place = {e.tensorIndex: outputs.index(e.name.decode()) for e in model.signatureDefs[0].outputs}
    graph = model.subgraphs[0]
    graph.outputs = sorted(graph.outputs, key=lambda tensor: place[tensor])
    return write(model)


def sharing(data: bytes) -> bytes:
    """The flatbuffer `data` in which equal weights are stored once."""
    model = read(data)
    first: dict[bytes, int] = {}
    for i, buffer in enumerate(model.buffers):
        if buffer.data is not None and len(buffer.data):
            first.setdefault(bytes(buffer.data), i)
    for tensor in model.subgraphs[0].tensors:
        held = model.buffers[tensor.buffer].data
        if held is not None and len(held):
            tensor.buffer = first[bytes(held)]
    kept = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    kept |= {entry.buffer for entry in model.metadata or []}
    for i, buffer in enumerate(model.buffers):
        if i not in kept:
            buffer.data = None
    return write(model)


def all_read(data: bytes) -> bytes:
    """The flatbuffer with unread results among its outputs, but not in its signature, so that they can be measured.

    Such results are half of a split, or all but the last steps of an unrolled recurrent layer. By the end of a run
    their memory holds other values. They need a range, because the same operator computes the results that are read.
    """
    model = read(data)
    graph = model.subgraphs[0]
    taken = {i for operator in graph.operators for i in operator.inputs} | set(graph.outputs)
    dead = [i for operator in graph.operators for i in operator.outputs if i >= 0 and i not in taken]
    if not dead:
        return data
    graph.outputs = [*graph.outputs, *dead]
    return write(model)


def as_uint8(data: bytes, *, inputs: bool, outputs: bool) -> bytes:
    """The int8 flatbuffer `data` with unsigned inputs or outputs, by a QUANTIZE before or behind each."""
    model = read(data)
    graph = model.subgraphs[0]
    if inputs:
        changed = {old: _unsigned_twin(graph, old) for old in graph.inputs}
        graph.inputs = [changed[i] for i in graph.inputs]
        graph.operators[:0] = [_requantize(model, new, old) for old, new in changed.items()]
        _rename(model, "inputs", changed)
    if outputs:
        changed = {old: _unsigned_twin(graph, old) for old in graph.outputs}
        graph.outputs = [changed[i] for i in graph.outputs]
        graph.operators += [_requantize(model, old, new) for old, new in changed.items()]
        _rename(model, "outputs", changed)
    return write(model)


def _unsigned_twin(graph: schema.SubGraphT, index: int) -> int:
    tensor = copy.deepcopy(graph.tensors[index])
    if tensor.type != schema.TensorType.INT8:  # whole numbers, such as the class itself, stay what they are
        return index
    tensor.type, tensor.buffer = schema.TensorType.UINT8, 0
    tensor.name = tensor.name + b"_uint8"
    tensor.quantization.zeroPoint = np.asarray(tensor.quantization.zeroPoint, np.int64) + 128
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _requantize(model: schema.ModelT, source: int, target: int) -> schema.OperatorT:
    return conversion(model, schema.BuiltinOperator.QUANTIZE, source, target)


def conversion(model: schema.ModelT, code: int, source: int, target: int) -> schema.OperatorT:
    """An operator of this code from one tensor to another."""
    known = [i for i, c in enumerate(model.operatorCodes) if c.builtinCode == code]
    if not known:
        entry = schema.OperatorCodeT()
        entry.builtinCode = entry.deprecatedBuiltinCode = code
        entry.version = 1
        model.operatorCodes.append(entry)
    operator = schema.OperatorT()
    operator.opcodeIndex = known[0] if known else len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = [source], [target]
    return operator


def _rename(model: schema.ModelT, side: str, changed: Mapping[int, int]) -> None:
    for signature in model.signatureDefs or []:
        for entry in getattr(signature, side):
            entry.tensorIndex = changed.get(entry.tensorIndex, entry.tensorIndex)
