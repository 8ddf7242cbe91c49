"""Faults of the graph: shapes that contradict each other, tensors written or listed twice, constants stored in vain."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from math import prod

from keras_cnns.tflite.file.contents import Operator, Subgraph, TFLiteFile
from keras_cnns.tflite.targets.target import Finding

CONVERT = "convert the model again"
LEAST_WASTE = 1024  # bytes of a constant that are worth a note
RESHAPING = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")


def _shape_signatures(file: TFLiteFile) -> Iterator[Finding]:
    """A tensor's two shapes are equal wherever the second is not open."""
    for graph in file.subgraphs:
        for tensor in graph.tensors:
            pairs = zip(tensor.shape, tensor.signature_shape, strict=False)
            differs = any(open_ not in (-1, size) for size, open_ in pairs)
            if len(tensor.shape) != len(tensor.signature_shape) or differs:
                message = (
                    f"tensor {tensor.name!r} has the shape {list(tensor.shape)} and the shape_signature "
                    f"{list(tensor.signature_shape)}"
                )
                yield Finding("shape-signature", "error", message, CONVERT)
                return


def _ends(file: TFLiteFile) -> Iterator[Finding]:
    """Each input is listed once and is not a constant."""
    for graph in file.subgraphs:
        repeated = [index for index, count in Counter(graph.inputs).items() if count > 1]
        if repeated:
            message = f"input {graph.tensors[repeated[0]].name!r} is listed {graph.inputs.count(repeated[0])} times"
            yield Finding("repeated-input", "error", message, CONVERT)
        constant = [graph.tensors[index].name for index in graph.inputs if graph.tensors[index].constant]
        if constant:
            message = f"input {constant[0]!r} holds constant values, which replace what an app writes there"
            yield Finding("constant-input", "error", message, CONVERT)


def _written(file: TFLiteFile) -> Iterator[Finding]:
    """Each result is written by one operator, and no operator writes an input or a constant."""
    for graph in file.subgraphs:
        written = Counter(index for o in graph.operators for index in o.outputs if index >= 0)
        for index, count in written.items():
            tensor = graph.tensors[index]
            if count > 1 or index in graph.inputs or tensor.constant:
                kind = "a constant" if tensor.constant else "an input" if index in graph.inputs else "another's result"
                message = f"{graph.label(graph.producers[index])} writes over {kind}, {tensor.name!r}"
                yield Finding("overwritten", "error", message, CONVERT, operator=graph.producers[index].name)
                return


def _operator_shapes(file: TFLiteFile) -> Iterator[Finding]:
    """The shapes of weights, biases and results fit each other."""
    for graph in file.subgraphs:
        for operator in graph.operators:
            reason = _wrong_shape(graph, operator)
            if reason:
                message = f"{graph.label(operator)}: {reason}"
                yield Finding("operator-shape", "error", message, CONVERT, operator=operator.name)
                return


def _wrong_shape(graph: Subgraph, operator: Operator) -> str:
    tensors = [graph.tensor(i) for i in operator.inputs]
    if not tensors or not operator.outputs or tensors[0] is None or operator.outputs[0] < 0:
        return ""
    source, result = tensors[0], graph.tensors[operator.outputs[0]]
    fixed = source.shape and result.shape and not source.dynamic and not result.dynamic
    if operator.name in RESHAPING and fixed and prod(source.shape) != prod(result.shape):
        return f"it makes {list(result.shape)} of {list(source.shape)}"
    if operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED") or len(tensors) < 2:
        return ""
    weights, bias = tensors[1], tensors[2] if len(tensors) > 2 else None
    if weights is None or not weights.constant or not weights.shape or not result.shape:
        return ""
    strides = [getattr(operator.options, name, 1) for name in ("strideW", "strideH")]
    if min(strides) < 1:
        return f"its strides are {strides}"
    channels = weights.shape[-1] if operator.name == "DEPTHWISE_CONV_2D" else weights.shape[0]
    if result.shape[-1] != channels:
        return f"its weights {list(weights.shape)} have {channels} channels and its result {list(result.shape)}"
    if bias is not None and bias.shape and prod(bias.shape) != channels:
        return f"its bias has {prod(bias.shape)} entries for {channels} channels"
    if operator.name == "CONV_2D" and len(source.shape) == 4 and source.shape[3] % max(weights.shape[3], 1):
        return f"its weights {list(weights.shape)} do not fit the input {list(source.shape)}"
    return ""


def _waste(file: TFLiteFile) -> Iterator[Finding]:
    """Constants that nothing reads, and constants that are stored twice."""
    used = {graph.tensors[i].buffer for graph in file.subgraphs for o in graph.operators for i in o.inputs if i >= 0}
    used |= {graph.tensors[i].buffer for graph in file.subgraphs for i in graph.outputs}
    held = {tensor.buffer: tensor for graph in file.subgraphs for tensor in graph.tensors if tensor.constant}
    unread = [t for number, t in held.items() if number not in used and t.byte_count >= LEAST_WASTE]
    if unread:
        count = sum(tensor.byte_count for tensor in unread)
        message = f"nothing reads {count:,} bytes of constants, such as {unread[0].name!r}"
        yield Finding("unread-constant", "note", message, CONVERT)
    stored = [t for t in held.values() if t.byte_count >= LEAST_WASTE and t.buffer in file.constants]
    sizes = Counter(tensor.byte_count for tensor in stored)
    first: dict[tuple[int, bytes], str] = {}
    for tensor in stored:
        if sizes[tensor.byte_count] == 1:
            continue
        key = tensor.byte_count, _digest(file, *file.constants[tensor.buffer])
        other = first.setdefault(key, tensor.name)
        if other != tensor.name:
            message = f"{tensor.name!r} holds the same {tensor.byte_count:,} bytes as {other!r}"
            yield Finding("duplicate-constant", "note", message, "let both tensors name one buffer")
            return


def _digest(file: TFLiteFile, offset: int, count: int) -> bytes:
    with open(file.path, "rb") as data:
        data.seek(offset)
        return hashlib.blake2b(data.read(count)).digest()


RULES: tuple[Callable[[TFLiteFile], Iterator[Finding]], ...] = (
    _shape_signatures,
    _ends,
    _written,
    _operator_shapes,
    _waste,
)
