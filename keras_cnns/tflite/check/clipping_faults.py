"""MAXIMUM and MINIMUM in integers, whose inputs have the scale of the result: what that scale cuts off.

TensorFlow's converter gives both inputs the range of the result. `maximum(x, -0.5 * x)` is never negative, so x is
stored without its negative values, and the result is x alone. In `maximum(x, 0.1 * x)` the lower values of x are cut
off, which only a run of the file shows: see `saturation`.
"""

from collections.abc import Callable, Iterator

import numpy as np

from keras_cnns.tflite.file.contents import NUMPY_TYPES, Operator, Subgraph, Tensor, TFLiteFile
from keras_cnns.tflite.targets.target import Finding

CHOICES = ("MAXIMUM", "MINIMUM")
FIX = "write it as a LeakyReLU or PReLU, or leave the operator in float"
NO_ACTIVATION = 0  # of `fusedActivationFunction`


def shares_its_range(graph: Subgraph, index: int) -> Operator | None:
    """The MAXIMUM or MINIMUM that reads tensor `index`, as others do, and whose result has the same scale."""
    tensor = graph.tensors[index]
    for operator in graph.readers.get(index, []):
        for result in graph.made_by(operator):
            if operator.name in CHOICES and (tensor.scales, tensor.zero_points) == (result.scales, result.zero_points):
                return operator
    return None


def _without_effect(file: TFLiteFile) -> Iterator[Finding]:
    """Operators one of whose inputs is never chosen, whatever the file reads."""
    graph = file.main
    for operator in graph.operators:
        inputs = list(graph.read_by(operator))
        if operator.name not in CHOICES or len(inputs) != 2:
            continue
        first, second = (_stored(file, graph, tensor) for tensor in inputs)
        if first is None or second is None or any(tensor.constant for tensor in inputs):
            continue
        (low, high), (other_low, other_high) = first, second
        larger_wins = operator.name == "MAXIMUM"
        if (low >= other_high) == (high <= other_low):
            continue  # both may be chosen, or both hold the same one value
        never = inputs[1 if (low >= other_high) == larger_wins else 0]
        maker = graph.producers.get(never.index)
        what = f"the result of {graph.label(maker)}" if maker else repr(never.name)
        message = (
            f"{graph.label(operator)} has no effect: it never takes {what}, since both its inputs have the range of "
            "its result"
        )
        yield Finding("choice-range", "warning", message, FIX, operator=operator.name)


def _stored(file: TFLiteFile, graph: Subgraph, tensor: Tensor) -> tuple[float, float] | None:
    """The smallest and the largest value that an integer tensor can have; None if that is not known.

    The product of a tensor and one number is also limited by the range of that tensor.
    """
    limits = _limits(tensor)
    product = graph.producers.get(tensor.index)
    if limits is None or product is None or product.name != "MUL":
        return limits
    factors = list(graph.read_by(product))
    if getattr(product.options, "fusedActivationFunction", NO_ACTIVATION) != NO_ACTIVATION or len(factors) != 2:
        return limits
    for source, factor in (factors, factors[::-1]):
        values, source_limits = file.values(factor), _limits(source)
        if values is not None and values.size == 1 and _limits(factor) is not None and source_limits is not None:
            number = factor.scales[0] * (int(values.reshape(-1)[0]) - factor.zero_points[0])
            ends = [min(max(number * end, limits[0]), limits[1]) for end in source_limits]
            return min(ends), max(ends)
    return limits


def _limits(tensor: Tensor) -> tuple[float, float] | None:
    if tensor.type not in ("INT8", "UINT8", "INT16") or len(tensor.scales) != 1 or len(tensor.zero_points) != 1:
        return None
    limits = np.iinfo(NUMPY_TYPES[tensor.type])
    low, high = (tensor.scales[0] * (int(end) - tensor.zero_points[0]) for end in (limits.min, limits.max))
    return low, high


RULES: tuple[Callable[[TFLiteFile], Iterator[Finding]], ...] = (_without_effect,)
