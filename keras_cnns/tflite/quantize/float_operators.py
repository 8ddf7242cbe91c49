"""The operators of a detector that stay in float: its boxes, and everything computed from them.

256 steps are too coarse for coordinates and for scores that are sorted. Suppression is a loop, in which no ranges can
be measured. So everything between the last layers with weights before suppression and the first ones after it is
computed in float. Pictures that are cropped by such boxes may be integers: the boxes only say where to read them.
"""

from collections.abc import Collection, Mapping

from ai_edge_litert import schema_py_generated as schema

from keras_cnns.support.errors import UnsupportedModel
from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.quantize.job import Job

Kind = schema.BuiltinOperator
LOOPS = (Kind.WHILE, Kind.IF)
SUPPRESSION = (*LOOPS, Kind.NON_MAX_SUPPRESSION_V4, Kind.NON_MAX_SUPPRESSION_V5)
PRODUCTS = (
    Kind.CONV_2D,
    Kind.DEPTHWISE_CONV_2D,
    Kind.TRANSPOSE_CONV,
    Kind.CONV_3D,
    Kind.FULLY_CONNECTED,
    Kind.BATCH_MATMUL,
)


def left_in_float(data: bytes) -> tuple[list[str], list[str]]:
    """Names of the tensors whose operators stay in float: of powers and logarithms, and of a detector's boxes.

    Raises:
      UserError: a loop has weights, as a recurrent layer does: its ranges cannot be measured.
    """
    model = flatbuffer.read(data)
    return _around_powers(model), _around_boxes(model)


def _around_boxes(model: schema.ModelT) -> list[str]:
    """Names of the tensors whose operators stay floats, those inside of loops too; none where nothing is suppressed.

    Raises:
      UserError: a loop has weights of its own: a recurrent layer, of which no ranges can be measured.
    """
    main, *loops = model.subgraphs
    if any(_has_weights(model, graph) for graph in loops) or _hands_weights_in(model, main):
        raise UnsupportedModel(
            "ranges cannot be measured inside a loop (a recurrent layer): build that layer with unroll=True, or choose "
            "a scheme without calibration."
        )
    inside = [tensor for loop in loops for tensor in loop.tensors]
    return [tensor.name.decode() for tensor in (*(main.tensors[i] for i in _around(model, main)), *inside)]


def check_ends(data: bytes, floats: Collection[str], job: Job) -> None:
    """Raises UserError if an input or output that is to be an integer is one of the tensors `floats`."""
    graph = flatbuffer.read(data).subgraphs[0]
    for side, ends, kind in (
        ("input", graph.inputs, job.settings.input_type),
        ("output", graph.outputs, job.settings.output_type),
    ):
        names = [graph.tensors[i].name.decode() for i in ends]
        if kind != "float32" and set(names) & set(floats):
            raise UnsupportedModel(f"boxes stay in float in an int8 file: leave {side}_type at float32.")


def distinguish_loops(data: bytes) -> bytes:
    """The flatbuffer with the loop's number added to each name inside a loop, because the quantizer goes by names."""
    model = flatbuffer.read(data)
    if len(model.subgraphs) == 1:
        return data
    for number, loop in enumerate(model.subgraphs[1:], start=1):
        for tensor in loop.tensors:
            tensor.name = tensor.name + f"/{number}".encode()
    return flatbuffer.write(model)


def _around(model: schema.ModelT, graph: schema.SubGraphT) -> list[int]:
    """Numbers of the main graph's tensors: up from suppression to weights, and down again."""
    producers = {i: operator for operator in graph.operators for i in operator.outputs}
    suppressing = [operator for operator in graph.operators if _code(model, operator) in SUPPRESSION]
    tensors, waiting = set(), [i for operator in suppressing for i in operator.inputs if i >= 0]
    while waiting:
        tensor = waiting.pop()
        operator = producers.get(tensor)
        if tensor in tensors or _is_weighted(model, graph, operator):
            continue
        if operator:
            tensors.update(operator.outputs)
            waiting += [i for i in operator.inputs if i >= 0]
        elif tensor in graph.inputs:
            tensors.add(tensor)
    tensors.update(i for operator in suppressing for i in operator.outputs)
    for operator in graph.operators:  # each stands behind those that it reads
        floats = [i for i in operator.inputs if i in tensors and graph.tensors[i].type == schema.TensorType.FLOAT32]
        if floats and not _is_weighted(model, graph, operator):
            tensors.update(operator.outputs)
    return sorted(tensors)


def _code(model: schema.ModelT, operator: schema.OperatorT) -> int:
    code = model.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def _is_weighted(model: schema.ModelT, graph: schema.SubGraphT, operator: schema.OperatorT | None) -> bool:
    """Whether what an operator multiplies with is part of the file."""
    if operator is None or _code(model, operator) not in PRODUCTS:
        return False
    return any(_is_constant(model, graph.tensors[i]) for i in operator.inputs[:2])


def _is_constant(model: schema.ModelT, tensor: schema.TensorT) -> bool:
    held = model.buffers[tensor.buffer].data
    return tensor.type == schema.TensorType.FLOAT32 and len(tensor.shape) > 1 and held is not None and len(held) > 0


def _has_weights(model: schema.ModelT, graph: schema.SubGraphT) -> bool:
    return any(_is_weighted(model, graph, operator) for operator in graph.operators)


def _hands_weights_in(model: schema.ModelT, graph: schema.SubGraphT) -> bool:
    """Whether a loop gets constants from outside, as it may its weights."""
    loops = [operator for operator in graph.operators if _code(model, operator) in LOOPS]
    return any(_is_constant(model, graph.tensors[i]) for loop in loops for i in loop.inputs if i >= 0)


def _around_powers(model: schema.ModelT) -> list[str]:
    """The names of the tensors that stay floats around a power, as in response normalization, or before a logarithm.

    A sum of squares spans so many orders of magnitude that its small values round to zero, which is infinite to a
    negative power, and so does the power itself: what makes its base, and what it is multiplied with, are not rounded.
    """
    graph = model.subgraphs[0]
    producers = {operator.outputs[0]: operator for operator in graph.operators}
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in model.operatorCodes]
    names = []

    def walk(tensor: int) -> bool:
        operator = producers.get(tensor)
        if operator is None:
            return False
        code = codes[operator.opcodeIndex]
        squares = code == Kind.SQUARE or (code == Kind.MUL and operator.inputs[0] == operator.inputs[1])
        if squares or code in (Kind.ADD, Kind.CONV_2D) and all(map(walk, _computed(operator, producers))):
            names.append(graph.tensors[tensor].name.decode())
            return True
        return False

    powers = [operator for operator in graph.operators if codes[operator.opcodeIndex] == Kind.POW]
    for operator in powers:
        walk(operator.inputs[0])
    names += [  # no logarithm of what rounds to zero
        graph.tensors[operator.inputs[0]].name.decode()
        for operator in graph.operators
        if codes[operator.opcodeIndex] == Kind.LOG
    ]
    results = {operator.outputs[0] for operator in powers}
    for operator in graph.operators:
        if codes[operator.opcodeIndex] in (Kind.MUL, Kind.DIV) and results.intersection(operator.inputs):
            names.append(graph.tensors[operator.outputs[0]].name.decode())
    return names


def _computed(operator: schema.OperatorT, producers: Mapping[int, schema.OperatorT]) -> list[int]:
    return [i for i in operator.inputs if i in producers]
