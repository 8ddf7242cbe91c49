"""Sensitivity to int8: the error of each rounding alone, and the choice of operators to leave out of int8."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.support import progress
from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.inputs.pictures import batched, thin
from keras_cnns.tflite.quantize.evaluate import answers, check_finite, normalized_error
from keras_cnns.tflite.quantize.steps import INTEGERS, KIND, KINDS, File, in_floats
from keras_cnns.tflite.verify.report import Sensitivity

PICTURES = 12
NAMED = 3  # of the operators that are left out of int8, in the note on them
RESULT, WEIGHTS = "result", "weights"


@dataclass(frozen=True)
class Rounding:
    """One tensor that int8 rounds.

    Attributes:
      what: RESULT or WEIGHTS.
      name: of the tensor, or for weights of the result of their operator.
      around: the results of all operators that read or write it: it is not rounded if these are left out of int8.
      error: the squared error of the answers with this rounding alone, divided by their variance.
    """

    what: str
    name: str
    around: frozenset[str]
    error: float = 0.0

    def avoided(self, left_out: Set[str], kept: str) -> bool:
        """Whether leaving `left_out` out of int8 avoids it. kept: their type, "float", or "int16" with int8 weights."""
        return self.around <= left_out and (kept == "float" or self.what == RESULT)


def measure(data: bytes, int8: bytes, pictures: Mapping[str, np.ndarray], batch: int = 1) -> list[Rounding]:
    """A `Rounding` for each tensor that is rounded, the largest error first.

    Args:
      data: the float32 flatbuffer.
      int8: the int8 flatbuffer of the same network.
      pictures: {input name: (N, ...) floats}.
      batch: pictures at a time.

    Raises:
      UserError: the answers to a picture are not finite.
    """
    inputs = list(batched(thin(pictures, PICTURES), batch))
    wanted, _ = answers(data, inputs)
    check_finite(wanted, pictures, PICTURES, batch)
    roundings = [
        Rounding(what, name, around, normalized_error(wanted, answers(changed, inputs)[0]))
        for what, name, around, changed in progress.track(_alone(File(data), File(int8)), "sensitivity of each tensor")
    ]
    return sorted(roundings, key=lambda rounding: -rounding.error)


def choose(roundings: Sequence[Rounding], share: float, kept: str = "float") -> set[str]:
    """The results of the operators to leave out of int8 so that `share` of all error is avoided.

    They are chosen one rounding after the other, the largest error first. kept: their type instead, "float" or "int16";
    roundings that this type does not avoid are not counted.
    """
    roundings = [rounding for rounding in roundings if rounding.avoided(rounding.around, kept)]
    left_out: set[str] = set()
    most = (1 - share) * sum(rounding.error for rounding in roundings)
    for rounding in roundings:
        if sum(other.error for other in roundings if not other.around <= left_out) <= most:
            break
        left_out |= rounding.around
    return left_out


def table(data: bytes, roundings: Sequence[Rounding], left_out: set[str], kept: str) -> list[Sensitivity]:
    """A `Sensitivity` for each rounding. kept: the type of the operators left out of int8."""
    kinds = _kinds(data)

    def row(rounding: Rounding) -> Sensitivity:
        now = kept if rounding.avoided(left_out, kept) else "int8"
        return Sensitivity(kinds.get(rounding.name, "INPUT"), short(rounding.name), rounding.what, rounding.error, now)

    return [row(rounding) for rounding in roundings]


def note(data: bytes, roundings: Sequence[Rounding], left_out: set[str], kept: str) -> str:
    """The note on which operators are left out of int8, and how much of its error that avoids."""
    total = sum(rounding.error for rounding in roundings)
    avoided = sum(rounding.error for rounding in roundings if rounding.avoided(left_out, kept))
    order = [name for name in _kinds(data) if name in left_out]
    named = ", ".join(map(short, order[:NAMED])) + " ..." * (len(order) > NAMED)
    of = f"{len(order)} of {len(_kinds(data))} operators"
    return f"{of} are in {kept}, which avoids {avoided / (total or 1):.0%} of int8's error: {named or 'none'}"


def short(name: str) -> str:
    """The layer's path, without the names of the operations that the converter fused into it."""
    return name.split(";")[0]


def _kinds(data: bytes) -> dict[str, str]:
    file = File(data)
    return {file.name(o.outputs[0]): KINDS[file.kind(o)] for o in file.operators}


def _alone(floats: File, integers: File) -> Iterator[tuple[str, str, frozenset[str], bytes]]:
    """(what, name, around, flatbuffer) with one tensor after the other rounded as `integers` rounds it."""
    own = integers.computing
    pairs = [(o, own[floats.name(o.outputs[0])]) for o in floats.operators if floats.name(o.outputs[0]) in own]
    grids: dict[int, schema.TensorT] = {}
    around: dict[int, set[str]] = {}
    for operator, twin in pairs:
        name = floats.name(operator.outputs[0])
        ends = [*zip(operator.outputs, twin.outputs, strict=True), *zip(operator.inputs, twin.inputs, strict=False)]
        for tensor, other in ends:
            computed = tensor >= 0 and floats.tensors[tensor].type == schema.TensorType.FLOAT32
            if computed and floats.constant(tensor) is None and integers.tensors[other].type in INTEGERS:
                around.setdefault(tensor, set()).add(name)
                grids.setdefault(tensor, integers.tensors[other])
    for tensor, held in grids.items():
        yield RESULT, floats.name(tensor), frozenset(around[tensor]), _with_result_rounded(floats, tensor, held)
    for operator, twin in pairs:
        name, rounded = floats.name(operator.outputs[0]), {}
        for tensor, other in zip(operator.inputs, twin.inputs, strict=False):
            values = integers.constant(other) if tensor >= 0 and floats.constant(tensor) is not None else None
            if values is not None and integers.tensors[other].type in INTEGERS and values.ndim > 1:
                rounded[tensor] = in_floats(values, integers.tensors[other])
        if rounded:
            yield WEIGHTS, name, frozenset({name}), _with_constants(floats, rounded)


def _with_result_rounded(file: File, tensor: int, held: schema.TensorT) -> bytes:
    """The flatbuffer with a result that goes through integers on its way to its readers."""
    tensors, operators, codes = list(file.tensors), list(file.operators), list(file.model.operatorCodes)
    before = [list(operator.inputs) for operator in operators]
    integers, again = schema.TensorT(), schema.TensorT()
    for new, kind, quantization in ((integers, held.type, held.quantization), (again, schema.TensorType.FLOAT32, None)):
        new.shape, new.shapeSignature = file.tensors[tensor].shape, file.tensors[tensor].shapeSignature
        new.type, new.quantization, new.name, new.buffer = kind, quantization, b"rounded", 0
    file.graph.tensors += [integers, again]
    place = len(tensors)
    through = []
    for kind, source, target in ((KIND.QUANTIZE, tensor, place), (KIND.DEQUANTIZE, place, place + 1)):
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = kind
        code.version = 2
        file.model.operatorCodes.append(code)
        operator.opcodeIndex, operator.inputs, operator.outputs = len(file.model.operatorCodes) - 1, [source], [target]
        through.append(operator)
    makers = [i for i, operator in enumerate(operators) if tensor in operator.outputs]
    after = makers[0] + 1 if makers else 0
    for operator in operators:
        operator.inputs = [place + 1 if i == tensor else i for i in operator.inputs]
    file.graph.operators = [*operators[:after], *through, *operators[after:]]
    changed = flatbuffer.write(file.model)
    file.graph.tensors[:], file.graph.operators, file.model.operatorCodes = tensors, operators, codes
    for operator, inputs in zip(operators, before, strict=True):
        operator.inputs = inputs
    return changed


def _with_constants(file: File, values: Mapping[int, np.ndarray]) -> bytes:
    """The flatbuffer with other values in some of its constants."""
    before = {tensor: file.tensors[tensor].buffer for tensor in values}
    buffers = list(file.model.buffers)
    for tensor, array in values.items():
        file.store(tensor, np.asarray(array, np.float32))
    changed = flatbuffer.write(file.model)
    file.model.buffers = buffers
    for tensor, buffer in before.items():
        file.tensors[tensor].buffer = buffer
    return changed
