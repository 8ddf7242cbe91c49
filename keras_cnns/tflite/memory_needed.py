"""How much memory an export will take, estimated from the model before the work starts, and whether it is there."""

import math

import keras

from keras_cnns.graph.keras_internals import calls_of
from keras_cnns.support import memory
from keras_cnns.support.errors import UserError
from keras_cnns.support.sizes import size_words
from keras_cnns.tflite.quantize.affordable import MEMORY

# Fitted to benchmarks/memory.py: what an export takes in any case, and bytes for each byte of weights and of results.
FIXED, FIXED_INT8 = 0.2e9, 0.3e9
PER_WEIGHT, PER_WEIGHT_INT8 = 2.2, 2.6
PER_RESULT = 2.0  # calibration holds the results of all layers for one picture


def estimated_bytes(model: keras.Model, *, calibrated: bool = False) -> int:
    """The growth of the process while it exports `model`, in bytes; measured figures are within half and twice of it.

    calibrated: to a scheme with ranges from pictures, whose layers are refined.
    """
    weights = 4 * sum(math.prod(variable.shape) for variable in model.weights)
    if not calibrated:
        return int(FIXED + PER_WEIGHT * weights)
    shapes = {id(x): x.shape for layer in model.layers for node in calls_of(layer) for x in node.output_tensors}
    results = sum(4 * math.prod(n or 1 for n in shape) for shape in shapes.values())
    held = min(0.4 * MEMORY, 16 * results)
    return int(FIXED_INT8 + PER_WEIGHT_INT8 * weights + PER_RESULT * results + held)


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
