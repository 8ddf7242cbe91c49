"""Faults of quantized weights: the wrong axis, zero points, channels that compute nothing, results of one value."""

from collections.abc import Callable, Iterator

import numpy as np

from keras_cnns.tflite.check.quantization_faults import AGAIN, PLACES
from keras_cnns.tflite.file.contents import Operator, Subgraph, Tensor, TFLiteFile
from keras_cnns.tflite.targets.target import Finding

AXES = {"CONV_2D": 0, "FULLY_CONNECTED": 0, "TRANSPOSE_CONV": 0, "DEPTHWISE_CONV_2D": 3}  # of the output channels
STEPS = {"INT8": 255, "UINT8": 255, "INT16": 65535}


def _weights(file: TFLiteFile) -> Iterator[Finding]:
    """The first fault of each kind, over all operators with weights."""
    seen: set[str] = set()
    for graph in file.subgraphs:
        for operator in graph.operators:
            for finding in _of_operator(file, graph, operator):
                if finding.code not in seen:
                    seen.add(finding.code)
                    yield finding


def _of_operator(file: TFLiteFile, graph: Subgraph, operator: Operator) -> Iterator[Finding]:
    if operator.name not in PLACES or len(operator.inputs) < 2 or not operator.outputs:
        return
    places = [operator.inputs[i] if i < len(operator.inputs) else -1 for i in PLACES[operator.name]]
    source, weights = (graph.tensor(i) for i in places[:2])
    result = graph.tensor(operator.outputs[0])
    if source is None or weights is None or result is None or not weights.constant:
        return
    label = graph.label(operator)
    if weights.type == "INT8" and len(weights.scales) > 1 and weights.axis != AXES[operator.name]:
        message = (
            f"the weights of {label} have scales along axis {weights.axis}; kernels use axis {AXES[operator.name]}"
        )
        yield Finding("weights-axis", "error", message, AGAIN, operator=operator.name)
        return
    if weights.type == "INT8" and any(weights.zero_points):
        zero = next(point for point in weights.zero_points if point)
        message = f"the weights of {label} have the zero point {zero}; kernels of int8 weights take it for 0"
        yield Finding("weights-zero-point", "error", message, AGAIN, operator=operator.name)
        return
    values = file.values(weights)
    if values is None or values.ndim != len(weights.shape):
        return
    yield from _dead_channels(label, operator, values)
    quantized = all(tensor.scales and min(tensor.scales) > 0 for tensor in (source, weights, result))
    if values.dtype == np.int8 and source.type in STEPS and result.type in STEPS and quantized:
        yield from _narrow_result(label, operator, values, (source, weights, result))


def _dead_channels(label: str, operator: Operator, values: np.ndarray) -> Iterator[Finding]:
    axis = AXES[operator.name]
    if values.ndim <= axis or values.dtype == np.uint8:  # uint8 weights have a zero point
        return
    dead = ~values.any(axis=tuple(i for i in range(values.ndim) if i != axis))
    if dead.any():
        message = f"{dead.sum()} of {dead.size} channels of {label} have weights of 0 only"
        fix = "train it again, or remove the channels"
        yield Finding("dead-channels", "note", message, fix, operator=operator.name)


def _narrow_result(
    label: str, operator: Operator, values: np.ndarray, tensors: tuple[Tensor, Tensor, Tensor]
) -> Iterator[Finding]:
    """The step of a result, beside what the sums can become."""
    source, weights, result = tensors
    axis = AXES[operator.name]
    factors = source.scales[0] * np.asarray(weights.scales) / result.scales[0]
    if len(factors) not in (1, values.shape[axis]) or not np.isfinite(factors).all():
        return
    if factors.max() >= STEPS[result.type]:
        message = f"one step of a sum in {label} is {factors.max():.3g} steps of its result, which is always extreme"
        yield Finding("result-step", "error", message, AGAIN, operator=operator.name)
        return
    others = tuple(i for i in range(values.ndim) if i != axis)
    largest = np.abs(values.astype(np.int64)).sum(axis=others) * STEPS[source.type] * factors
    if largest.max() < 0.5 and values.any():
        message = f"no input changes the result of {label} by as much as one step, {result.scales[0]:.3g}"
        yield Finding("result-step", "error", message, AGAIN, operator=operator.name)


RULES: tuple[Callable[[TFLiteFile], Iterator[Finding]], ...] = (_weights,)
