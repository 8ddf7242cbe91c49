"""How much memory an export will take, estimated from the model before the work starts, and whether it is there."""

import math

import keras

from keras_cnns.graph.keras_internals import calls_of
from keras_cnns.support import memory
from keras_cnns.support.errors import UserError
from keras_cnns.support.sizes import size_words

# Fitted to what benchmarks/memory.py measured: bytes in any case, and for each byte of weights and of layers' results.
FIXED, PER_WEIGHT = 0.28e9, 3.0
FIXED_CALIBRATED, PER_WEIGHT_CALIBRATED, PER_RESULT = 0.385e9, 4.0, 2.0


def estimated_bytes(model: keras.Model, *, calibrated: bool = False) -> int:
    """By how much the process will grow while it exports `model`, in bytes.

    calibrated: to a scheme with ranges from pictures: calibration holds the results of all layers for one picture.
    """
    weights = 4 * sum(math.prod(variable.shape) for variable in model.weights)
    if not calibrated:
        return int(FIXED + PER_WEIGHT * weights)
    shapes = {id(x): x.shape for layer in model.layers for node in calls_of(layer) for x in node.output_tensors}
    results = sum(4 * math.prod(n or 1 for n in shape) for shape in shapes.values())
    return int(FIXED_CALIBRATED + PER_WEIGHT_CALIBRATED * weights + PER_RESULT * results)


def check(model: keras.Model, *, calibrated: bool = False) -> None:
    """Refuses an export that cannot fit into the memory that is free.

    Raises:
      UserError: the estimate is more than what is free.
    """
    needed, free = estimated_bytes(model, calibrated=calibrated), memory.free()
    if free is not None and needed > free:
        words = f"takes about {size_words(needed)} of memory, and {size_words(free)} are free"
        advice = f"close other programs, export on a larger machine, or set {memory.VARIABLE} if more is free."
        raise UserError(f"exporting {model.name} {words}: {advice}")
