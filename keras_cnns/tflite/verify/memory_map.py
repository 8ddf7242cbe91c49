"""How much memory the intermediate results of a `.tflite` file take at each of its operators."""

import math

from keras_cnns.tflite.file.contents import NUMPY_TYPES, TFLiteFile


def live_bytes(file: TFLiteFile) -> list[tuple[str, int]]:
    """(operator, bytes of the results that it or a later operator reads, its own included) in order of execution.

    Inputs of the file are alive until their last reader, outputs until the end. This is the least that an arena can be;
    alignment and scratch memory of kernels come on top. Empty if a shape is open.

    >>> live_bytes(read_contents("lenet5_int8.tflite"))[0]
    ('CONV_2D', 5728)
    """
    graph = file.subgraphs[0]
    computed = set(graph.inputs) | {i for operator in graph.operators for i in operator.outputs if i >= 0}
    computed = {i for i in computed if not graph.tensors[i].constant}
    if any(graph.tensors[i].dynamic for i in computed):
        return []
    first = dict.fromkeys(graph.inputs, 0)
    last: dict[int, int] = {}
    for step, operator in enumerate(graph.operators):
        first |= {i: step for i in operator.outputs if i not in first}
        last |= dict.fromkeys((*operator.inputs, *operator.outputs), step)
    last |= dict.fromkeys(graph.outputs, len(graph.operators) - 1)
    sizes = {i: math.prod(graph.tensors[i].shape) * _width(graph.tensors[i].type) for i in computed}

    def alive(step: int) -> int:
        return sum(size for i, size in sizes.items() if first[i] <= step <= last.get(i, 0))

    return [(operator.name, alive(step)) for step, operator in enumerate(graph.operators)]


def _width(kind: str) -> int:
    return NUMPY_TYPES[kind].itemsize if kind in NUMPY_TYPES else 1
