"""Rules that several targets share: what a file holds that a runtime does not take, in one line with what to do."""

from collections import Counter
from collections.abc import Collection

from keras_cnns.support.messages import listed
from keras_cnns.tflite.file.contents import Operator, Subgraph, TFLiteFile
from keras_cnns.tflite.targets.target import Finding, Severity


def operator_codes(file: TFLiteFile, consequence: str) -> list[Finding]:
    """Operators whose number stands only in the newer of the two fields, for runtimes that read the older one."""
    names = [code.name for code in file.codes if code.deprecated != min(code.builtin, 127) and code.builtin]
    if not names:
        return []
    return [
        Finding(
            "operator-code",
            "error",
            f"deprecated_builtin_code of {', '.join(names)} is not set: {consequence}",
            "keras-cnns check --fix sets it",
            fixable=True,
            operator=names[0],
        )
    ]


def types(
    file: TFLiteFile,
    refused: Collection[str],
    reason: str,
    fix: str = "use int8 weights",
    severity: Severity = "error",
) -> list[Finding]:
    """Tensors of types that a runtime does not know."""
    hits = [
        (operator, tensor)
        for operator in file.main.operators
        for tensor in file.main.read_by(operator)
        if tensor.type in refused
    ]
    if not hits:
        return []
    operator, tensor = hits[0]
    labels = listed((file.main.label(operator) for operator, _ in hits), 1)
    message = f"{reason} ({tensor.type.lower()} in {labels})"
    return [Finding("type", severity, message, fix, operator=operator.name)]


def ends(file: TFLiteFile, accepted: Collection[str], severity: Severity, reason: str, fix: str) -> list[Finding]:
    """Inputs and outputs of types that a runtime does not take."""
    wrong = [
        f"{side} {name} is {tensor.type.lower()}"
        for side, tensors in (("input", file.inputs), ("output", file.outputs))
        for name, tensor in tensors.items()
        if tensor.type not in accepted
    ]
    return [Finding("end-type", severity, f"{', '.join(wrong)}: {reason}", fix)] if wrong else []


def dynamic_shapes(file: TFLiteFile, reason: str) -> list[Finding]:
    """Inputs with an open axis."""
    names = [name for name, tensor in file.inputs.items() if tensor.dynamic]
    message = f"the shape of input {', '.join(names)} is open: {reason}"
    return [Finding("dynamic-shape", "error", message, "export with batch=1 and a fixed size")] if names else []


def several_subgraphs(file: TFLiteFile, reason: str) -> list[Finding]:
    """More than one subgraph."""
    count = len(file.subgraphs)
    message = f"the file has {count} subgraphs: {reason}"
    return [Finding("subgraphs", "error", message, "export a file with one signature")] if count > 1 else []


def custom_operators(file: TFLiteFile, severity: Severity = "error") -> list[Finding]:
    """Operators that a runtime knows only if somebody registers them there."""
    names = sorted({operator.name for graph in file.subgraphs for operator in graph.operators if operator.custom})
    if not names:
        return []
    message = f"custom operators, which run only where they are registered: {', '.join(names)}"
    return [Finding("custom-operator", severity, message, "use built-in operators", operator=names[0])]


def unsupported(file: TFLiteFile, supported: Collection[str], runtime: str) -> list[Finding]:
    """Built-in operators that a runtime has no kernel for."""
    counts = Counter(o.name for o in file.main.operators if not o.custom and o.name not in supported)
    return [
        Finding(
            "operator",
            "error",
            f"{runtime} has no {name} (used {count} times)" if count > 1 else f"{runtime} has no {name}",
            "replace it in the network",
            operator=name,
        )
        for name, count in counts.items()
    ]


def is_hybrid(graph: Subgraph, operator: Operator) -> bool:
    """Whether an operator has float inputs and integer weights, which are scaled anew in each run ("dynamic range")."""
    if operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL"):
        return False
    tensors = list(graph.read_by(operator))
    inputs = [tensor for tensor in tensors if tensor.type == "FLOAT32" and not tensor.constant]
    return bool(inputs) and any(tensor.constant and tensor.type in ("INT8", "INT4", "UINT8") for tensor in tensors)


def multiply_accumulates(graph: Subgraph, operator: Operator) -> int:
    """Multiply-accumulates of one run of an operator with weights; 0 of all others."""
    weights = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1, "TRANSPOSE_CONV": 1}.get(operator.name)
    least = 3 if operator.name == "TRANSPOSE_CONV" else 2
    if weights is None or len(operator.inputs) < least or min(operator.inputs[:least]) < 0 or not operator.outputs:
        return 0
    kernel = graph.tensors[operator.inputs[weights]].shape
    result = graph.tensors[operator.outputs[0]].shape
    source = graph.tensors[operator.inputs[2 if operator.name == "TRANSPOSE_CONV" else 0]].shape
    size = 1
    if operator.name == "FULLY_CONNECTED":
        for n in (*result[:-1], *kernel):
            size *= n
    elif operator.name == "TRANSPOSE_CONV":
        for n in (*source[:3], *kernel):
            size *= n
    elif operator.name == "DEPTHWISE_CONV_2D":
        for n in (*result, *kernel[1:3]):
            size *= n
    else:
        for n in (*result[:3], *kernel):
            size *= n
    return size
