"""What is wrong with a `.tflite` file wherever it runs: its structure, its quantization, its versions, its metadata.

Each rule takes a file and yields findings. A finding of severity "error" or "warning" is a fault; "note" is a fact that
its user may want to know. Rules speak only where they are certain: what they do not know they pass over.
"""

from collections.abc import Callable, Iterator

import numpy as np

from keras_cnns.tflite.check import clipping_faults, graph_faults, metadata_faults, quantization_faults, weight_faults
from keras_cnns.tflite.file import flatbuffer, versions
from keras_cnns.tflite.file.contents import NUMPY_TYPES, Operator, Subgraph, TFLiteFile
from keras_cnns.tflite.file.reader import DAMAGE
from keras_cnns.tflite.targets import rules
from keras_cnns.tflite.targets.target import Finding, Severity

SCHEMA_VERSION = 3
LARGEST_READ = 1 << 31  # bytes: no flatbuffer is larger
BITS = {"INT4": 4, "UINT4": 4, "INT2": 2, "COMPLEX64": 64, "BFLOAT16": 16}


def faults(file: TFLiteFile) -> list[Finding]:
    """All findings, errors first."""
    order = {"error": 0, "warning": 1, "note": 2}
    findings = {finding: None for rule in RULES for finding in _of_rule(rule, file)}  # each once
    return sorted(findings, key=lambda finding: order[finding.severity])


def _of_rule(rule: Callable[[TFLiteFile], Iterator[Finding]], file: TFLiteFile) -> list[Finding]:
    """What a rule finds; of a file so damaged that the rule cannot read it, that it is damaged."""
    findings: list[Finding] = []
    try:
        findings.extend(rule(file))
    except DAMAGE as error:
        message = f"parts of it cannot be read ({type(error).__name__})"
        findings.append(Finding("damaged", "error", message, "convert the model again"))
    return findings


def _schema(file: TFLiteFile) -> Iterator[Finding]:
    if file.version != SCHEMA_VERSION:
        message = f"its schema version is {file.version}; runtimes take {SCHEMA_VERSION}"
        yield Finding("schema-version", "error", message, "convert the model again")


def _operator_codes(file: TFLiteFile) -> Iterator[Finding]:
    consequence = "runtimes that read only this field take it for an ADD"
    yield from rules.operator_codes(file, consequence)
    unknown = [code.name for code in file.codes if code.name.startswith("operator number")]
    if unknown:
        message = f"{', '.join(unknown)} is newer than this package's schema, or damaged"
        yield Finding("unknown-operator", "error", message, "update ai-edge-litert", operator=unknown[0])


def _versions(file: TFLiteFile) -> Iterator[Finding]:
    if file.size_bytes > LARGEST_READ:
        return
    yield from _low_versions(file)


def _low_versions(file: TFLiteFile) -> Iterator[Finding]:
    model = flatbuffer.read(file.path.read_bytes())
    needed: dict[str, tuple[int, int]] = {}  # operator -> (version in the file, lowest version that knows its types)
    silent: set[str] = set()
    highest = []
    for graph, read in zip(model.subgraphs, file.subgraphs, strict=True):
        for operator, known in zip(graph.operators or (), read.operators, strict=True):
            inputs = [graph.tensors[i] if i >= 0 else None for i in known.inputs]
            outputs = [graph.tensors[i] for i in known.outputs if i >= 0]
            options = operator.builtinOptions
            lowest = 1 if known.custom else versions.required_version(known.name, inputs, outputs, options)
            highest.append((known.name, max(lowest, known.version)))
            if known.version < lowest:
                needed[known.name] = known.version, lowest
                silent |= {known.name} if rules.is_hybrid(read, known) else set()
    groups: tuple[tuple[set[str], Severity, str], ...] = (
        (silent, "warning", "old runtimes answer nonsense instead of refusing the file"),
        (set(needed) - silent, "note", "old runtimes try to run the file"),
    )
    for names, severity, consequence in groups:
        if names:
            listed = ", ".join(f"{name} {needed[name][0]} (needs {needed[name][1]})" for name in sorted(names))
            message = f"operator versions are too low, and {consequence}: {listed}"
            yield Finding("operator-version", severity, message, "keras-cnns check --fix raises them", True, min(names))
    stated, oldest = file.min_runtime_version, versions.oldest_runtime(highest)
    if stated and _release(stated) < _release(oldest):
        message = f"it says that TensorFlow Lite {stated} runs it; its operators need {oldest}"
        yield Finding("runtime-version", "note", message, "keras-cnns check --fix corrects it", True)


def _release(version: str) -> tuple[int, ...]:
    """A version such as "2.10.0" as numbers that can be compared; () for anything else."""
    parts = version.split(".")
    return tuple(map(int, parts)) if all(part.isdigit() for part in parts) else ()


def _graph(file: TFLiteFile) -> Iterator[Finding]:
    for number, graph in enumerate(file.subgraphs):
        where = f" of subgraph {number}" if len(file.subgraphs) > 1 else ""
        yield from _order(graph, where)
        unread = [o for o in graph.operators if not _is_read(graph, o)]
        if unread:
            message = f"nothing reads the result of {graph.label(unread[0])}{where}"
            yield Finding("unread-operator", "note", message, "convert the model again", operator=unread[0].name)


def _order(graph: Subgraph, where: str) -> Iterator[Finding]:
    """Every operator reads what is constant, given, or computed before it."""
    ready = {t.index for t in graph.tensors if t.constant or t.variable} | set(graph.inputs)
    ready |= {t.index for t in graph.tensors if not t.constant and 0 in t.shape}  # an empty constant holds no bytes
    for operator in graph.operators:
        early = [i for i in operator.inputs if i >= 0 and i not in ready]
        if early:
            name = graph.tensors[early[0]].name
            message = f"{graph.label(operator)}{where} reads {name!r}, which nothing has computed by then"
            yield Finding("operator-order", "error", message, "convert the model again", operator=operator.name)
            return
        ready.update(operator.outputs)
    missing = [i for i in graph.outputs if i not in ready]
    if missing:
        message = f"output {graph.tensors[missing[0]].name!r}{where} is never computed"
        yield Finding("missing-output", "error", message, "convert the model again")


def _is_read(graph: Subgraph, operator: Operator) -> bool:
    side_effects = operator.custom or operator.name in ("CALL_ONCE", "ASSIGN_VARIABLE", "WHILE", "IF")
    return side_effects or any(i in graph.readers or i in graph.outputs for i in operator.outputs)


def _constants(file: TFLiteFile) -> Iterator[Finding]:
    for graph in file.subgraphs:
        for tensor in graph.tensors:
            size = int(np.prod(tensor.shape, dtype=np.int64))
            kind = NUMPY_TYPES.get(tensor.type)
            bits = 8 * kind.itemsize if kind is not None else BITS.get(tensor.type)
            if not tensor.constant or tensor.sparse or bits is None:
                continue
            needed = -(-size * bits // 8)
            if tensor.byte_count != needed:
                message = f"the constant {tensor.name!r} holds {tensor.byte_count} bytes; its shape needs {needed}"
                yield Finding("constant-size", "error", message, "convert the model again")
                return
            values = file.values(tensor) if tensor.type in ("FLOAT32", "FLOAT16") else None
            if values is not None and not np.isfinite(values).all():
                yield Finding(
                    "not-finite", "error", f"the constant {tensor.name!r} holds NaN or infinity", "train again"
                )
                return


def _signatures(file: TFLiteFile) -> Iterator[Finding]:
    for signature in file.signatures:
        if not 0 <= signature.subgraph < len(file.subgraphs):
            message = f"signature {signature.name!r} names subgraph {signature.subgraph}, which is not there"
            yield Finding("signature", "error", message, "convert the model again")
            continue
        graph = file.subgraphs[signature.subgraph]
        for side, names in (("input", signature.inputs), ("output", signature.outputs)):
            ends = set(graph.inputs if side == "input" else graph.outputs)
            wrong = [name for name, tensor in names.items() if tensor not in ends]
            if wrong:
                message = f"{side} {wrong[0]!r} of signature {signature.name!r} is not an {side} of the network"
                yield Finding("signature", "error", message, "convert the model again")


def _facts(file: TFLiteFile) -> Iterator[Finding]:
    yield from rules.custom_operators(file, "note")
    if len(file.subgraphs) > 1:
        yield Finding(
            "subgraphs", "note", f"it has {len(file.subgraphs)} subgraphs; only the first one was checked in detail"
        )
    names = [name for name, tensor in file.inputs.items() if tensor.dynamic]
    if names:
        message = f"the shape of input {', '.join(names)} is open: microcontrollers and NPUs need a fixed one"
        yield Finding("dynamic-shape", "note", message, "export with batch=1")


RULES: tuple[Callable[[TFLiteFile], Iterator[Finding]], ...] = (
    _schema,
    _operator_codes,
    _graph,
    *graph_faults.RULES,
    _constants,
    _signatures,
    *quantization_faults.RULES,
    *weight_faults.RULES,
    *clipping_faults.RULES,
    _versions,
    *metadata_faults.RULES,
    _facts,
)
