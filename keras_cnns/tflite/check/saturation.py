"""Results of a quantized file that reach the end of their range on given pictures: the calibration saw smaller ones."""

import numpy as np

from keras_cnns.tflite.file.contents import NUMPY_TYPES, Operator, TFLiteFile
from keras_cnns.tflite.targets import runner
from keras_cnns.tflite.targets.target import Finding

WATCHED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD")
NO_ACTIVATION, RELU = 0, 1  # of `fusedActivationFunction`; others cut results off on purpose
MOST_SATURATED = 0.02  # share of a result's values; ranges by a percentile cut off far less


def saturation(file: TFLiteFile, inputs: dict[str, np.ndarray]) -> list[Finding]:
    """A warning for the result that saturates most.

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
    shares = {int(index): share for index, share in result["shares"].items()}
    index = max(shares, key=lambda number: shares[number])
    if shares[index] <= MOST_SATURATED:
        return []
    more = sum(share > MOST_SATURATED for share in shares.values()) - 1
    message = f"{shares[index]:.0%} of the result of {graph.label(watched[index])} is at the end of its range"
    message += f"; {more} more results are saturated like this" if more else ""
    return [Finding("saturation", "warning", message, "calibrate on pictures like these", operator=watched[index].name)]


def _is_watched(file: TFLiteFile, operator: Operator) -> bool:
    if operator.name not in WATCHED or not operator.outputs:
        return False
    result = file.main.tensors[operator.outputs[0]]
    activation = getattr(operator.options, "fusedActivationFunction", NO_ACTIVATION)
    return result.type == "INT8" and len(result.scales) == 1 and activation in (NO_ACTIVATION, RELU)


def _ends(file: TFLiteFile, index: int, operator: Operator) -> list[int]:
    """The integers at which a result saturates; behind a ReLU only the largest."""
    result = file.main.tensors[index]
    limits = np.iinfo(NUMPY_TYPES[result.type])
    activation = getattr(operator.options, "fusedActivationFunction", NO_ACTIVATION)
    low_is_zero = activation == RELU or result.zero_points[0] == limits.min
    return [int(limits.max)] if low_is_zero else [int(limits.min), int(limits.max)]
