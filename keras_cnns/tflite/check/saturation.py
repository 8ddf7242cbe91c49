"""Results of a quantized file that reach the end of their range on given pictures: the calibration saw smaller ones."""

import numpy as np

from keras_cnns.tflite.check.clipping_faults import CHOICES, FIX, shares_its_range
from keras_cnns.tflite.file.contents import NUMPY_TYPES, Operator, TFLiteFile
from keras_cnns.tflite.targets import runner
from keras_cnns.tflite.targets.target import Finding

WATCHED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD")
NO_ACTIVATION, RELU = 0, 1  # of `fusedActivationFunction`; others cut results off on purpose
MOST_SATURATED = 0.02  # share of a result's values; ranges by a percentile cut off far less


def saturation(file: TFLiteFile, inputs: dict[str, np.ndarray]) -> list[Finding]:
    """Warnings for the result that saturates most, and for the one that a MAXIMUM or MINIMUM cuts off most.

    inputs: input name -> (N, ...) floats, pictures as the model takes them.

    Raises:
      UserError: LiteRT cannot run the file.
    """
    graph = file.main
    watched = {o.outputs[0]: o for o in graph.operators if _is_watched(file, o)}
    if not watched:
        return []
    ends = {str(index): _ends(file, index, operator) for index, operator in watched.items()}
    result, _ = runner.ask("saturation", inputs, file=str(file.path.resolve()), ends=ends)
    shares = {int(index): share for index, share in result["shares"].items() if share > MOST_SATURATED}
    choices = {index: choice for index in shares if (choice := shares_its_range(graph, index))}
    findings = []
    for code, saturated in (
        ("choice-range", {index: share for index, share in shares.items() if index in choices}),
        ("saturation", {index: share for index, share in shares.items() if index not in choices}),
    ):
        if not saturated:
            continue
        index = max(saturated, key=lambda number: saturated[number])
        operator, more = watched[index], len(saturated) - 1
        message = f"{saturated[index]:.0%} of the result of {graph.label(operator)} is at the end of its range"
        message += f", which is that of {graph.label(choices[index])}" if index in choices else ""
        message += f"; {more} more results are saturated like this" if more else ""
        fix = FIX if index in choices else "calibrate on pictures like these"
        findings.append(Finding(code, "warning", message, fix, operator=operator.name))
    return findings


def _is_watched(file: TFLiteFile, operator: Operator) -> bool:
    if operator.name not in WATCHED or not operator.outputs:
        return False
    result = file.main.tensors[operator.outputs[0]]
    readers = {reader.name for reader in file.main.readers.get(result.index, [])}
    if readers and readers <= set(CHOICES):  # what is cut off there would not be chosen
        return False
    activation = getattr(operator.options, "fusedActivationFunction", NO_ACTIVATION)
    return result.type == "INT8" and len(result.scales) == 1 and activation in (NO_ACTIVATION, RELU)


def _ends(file: TFLiteFile, index: int, operator: Operator) -> list[int]:
    """The integers at which a result saturates; behind a ReLU only the largest."""
    result = file.main.tensors[index]
    limits = np.iinfo(NUMPY_TYPES[result.type])
    activation = getattr(operator.options, "fusedActivationFunction", NO_ACTIVATION)
    low_is_zero = activation == RELU or result.zero_points[0] == limits.min
    return [int(limits.max)] if low_is_zero else [int(limits.min), int(limits.max)]
