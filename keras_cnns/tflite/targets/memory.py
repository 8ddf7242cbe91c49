"""RAM and flash that a file needs on a target: measured by the target's tool, or estimated from its tensors."""

from dataclasses import dataclass

import numpy as np

from keras_cnns.support.errors import NotInstalled
from keras_cnns.support.sizes import size_words
from keras_cnns.tflite.file.contents import Subgraph, TFLiteFile
from keras_cnns.tflite.targets.target import Placement, Target

TYPE_BITS = {"INT4": 4, "FLOAT16": 16, "INT16": 16, "UINT16": 16, "FLOAT64": 64, "INT64": 64, "UINT64": 64}
BYTE_TYPES = ("INT8", "UINT8", "BOOL")  # all others have 32 bits


@dataclass(frozen=True)
class Memory:
    """What one run needs.

    Attributes:
      ram_bytes: memory that the run writes; None if unknown.
      flash_bytes: memory that stores the file, without the runtime's code; None if unknown.
      measured: whether the target's tool measured both; otherwise they are estimates from the file.
      missing: the command that installs the tool if it is missing.
    """

    ram_bytes: int | None
    flash_bytes: int | None
    measured: bool
    missing: str = ""

    def excess(self, ram: int | None, flash: int | None) -> tuple[str, ...]:
        """Which limits it exceeds, a sentence each; empty if it fits. None: no limit."""
        needs = (("RAM", self.ram_bytes, ram), ("flash", self.flash_bytes, flash))
        return tuple(
            f"needs {'' if self.measured else 'about '}{size_words(size)} of {name}, more than {size_words(limit)}"
            for name, size, limit in needs
            if size is not None and limit is not None and size > limit
        )


def memory_on(target: Target, file: TFLiteFile) -> Memory:
    """What the file needs on the target.

    Raises:
      UserError: the target's tool refused the file or died.
    """
    try:
        placement = target.placement(file)
    except NotInstalled:
        return static_memory(target, file)
    return measured_memory(placement, file)


def static_memory(target: Target, file: TFLiteFile) -> Memory:
    """An estimate without the target's tool: the most activations alive at once, and the size of the file."""
    return Memory(most_activations(file.main), file.size_bytes, measured=False, missing=target.install)


def measured_memory(placement: Placement, file: TFLiteFile) -> Memory:
    """What a target's tool measured. A target that does not store the file in another form stores the file itself."""
    flash = file.size_bytes if placement.flash_bytes is None else placement.flash_bytes
    return Memory(placement.ram_bytes, flash, measured=True)


def most_activations(graph: Subgraph) -> int:
    """The most bytes of computed tensors that are alive at one operator.

    A runtime that computes one operator at a time, and each operator as a whole, needs at least so many.
    """
    computed = {*graph.inputs, *(i for operator in graph.operators for i in operator.outputs if i >= 0)}
    last = len(graph.operators)
    begin = {i: position for position, operator in enumerate(graph.operators) for i in operator.outputs}
    end = {i: position for position, operator in enumerate(graph.operators) for i in operator.inputs}
    alive = np.zeros(last + 1, np.int64)
    for index in computed:
        start = 0 if index in graph.inputs else begin[index]
        stop = last if index in graph.outputs else end.get(index, start)
        alive[start : stop + 1] += _bytes(graph, index)
    return int(alive.max())


def _bytes(graph: Subgraph, index: int) -> int:
    tensor = graph.tensors[index]
    bits = 8 if tensor.type in BYTE_TYPES else TYPE_BITS.get(tensor.type, 32)
    return -(-int(np.prod([max(size, 1) for size in tensor.shape], dtype=np.int64)) * bits // 8)
