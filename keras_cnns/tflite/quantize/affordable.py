"""How many pictures a file is refined on: as many as memory is allowed for."""

from collections.abc import Mapping

import numpy as np

from keras_cnns.tflite.inputs.pictures import batched, thin
from keras_cnns.tflite.quantize.steps import File

PICTURES = 64
MEMORY = 1.0e9  # bytes of results of both files, were all of them floats, for which fewer pictures are taken


def affordable(file: File, pictures: Mapping[str, np.ndarray], batch: int) -> list[dict[str, np.ndarray]]:
    """The batches that layers are refined on."""
    return list(batched(thin(pictures, _count(file)), batch))


def _count(file: File) -> int:
    """How many pictures fit in MEMORY, with their results in floats and rounded."""
    last = {i: step for step, operator in enumerate(file.operators) for i in operator.inputs}
    sizes = {
        i: 4 * int(np.prod(np.abs(file.tensors[i].shape)))
        for operator in file.operators
        for i in operator.outputs
        if i >= 0 and file.tensors[i].shape is not None
    }
    held, most = {}, 1
    for step, operator in enumerate(file.operators):
        held.update({i: sizes[i] for i in operator.outputs if i in sizes})
        most = max(most, 2 * sum(held.values()))
        held = {i: size for i, size in held.items() if last.get(i, -1) > step}
    return int(np.clip(MEMORY // most, 2, PICTURES))
