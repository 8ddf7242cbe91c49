"""Large kernels pass by the converter: it is shown one number in place of each, and the finished file gets the kernel.

The converter carries each weight through several copies of the graph and of its own representations (ResNet-50: a
peak of 14 times the weights, with stand-ins 2). A stand-in is a constant that holds one value everywhere, which is
stored as that one value. Each has a value of its own, so it is known again in the file.

Only the kernels of Keras's own Conv2D, DepthwiseConv2D and Dense layers are replaced, and only where no other layer
shares them, for there it is known how the axes are ordered in the file. A kernel that cannot be found again, because
the converter computed with it, makes `put_back` return False, and the model is converted without stand-ins.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.graph.keras_internals import array_of

LARGE = 4096  # values; a smaller kernel costs the converter nothing
FIRST, STEP = 0x3A800000, 64  # bits of the first stand-in, 2**-10, and from one to the next
CONV, DEPTHWISE = schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D
DENSE = schema.BuiltinOperator.FULLY_CONNECTED
OPERATORS = {keras.layers.Conv2D: CONV, keras.layers.DepthwiseConv2D: DEPTHWISE, keras.layers.Dense: DENSE}


@dataclass(frozen=True)
class StandIn:
    """One number in place of a kernel.

    Attributes:
      kernel: the layer's variable.
      value: what stands everywhere in its place.
      operator: the builtin operator that takes it as its second input.
    """

    kernel: keras.Variable
    value: np.float32
    operator: int

    def array(self) -> np.ndarray:
        """The kernel with its axes as the operator takes them."""
        kernel = array_of(self.kernel)
        if self.operator == CONV:
            return kernel.transpose(3, 0, 1, 2)  # (height, width, in, out) to (out, height, width, in)
        if self.operator == DEPTHWISE:
            return kernel.reshape(1, *kernel.shape[:2], -1)
        return kernel.T


def stand_ins(model: keras.Model) -> list[StandIn]:
    """One for each large float32 kernel of a functional model that can be put back exactly."""
    owners = Counter(id(variable) for layer in model.layers for variable in layer.weights)
    kernels = [
        (layer.kernel, OPERATORS[type(layer)])
        for layer in model.layers
        if type(layer) in OPERATORS and np.prod(layer.kernel.shape) >= LARGE
    ]
    kernels = [(k, operator) for k, operator in kernels if owners[id(k)] == 1 and k.dtype == "float32"]
    values = (FIRST + STEP * np.arange(len(kernels), dtype=np.uint32)).astype(np.uint32).view(np.float32)
    return [StandIn(kernel, value, operator) for (kernel, operator), value in zip(kernels, values, strict=True)]


def put_back(model: schema.ModelT, standing: Sequence[StandIn]) -> bool:
    """Puts the kernels in the place of their stand-ins; if one is not found for certain, returns False."""
    places = {stand_in.value.tobytes(): stand_in for stand_in in standing}
    arrays: dict[int, np.ndarray] = {}  # number of a buffer -> its kernel
    seen = set()
    for graph in model.subgraphs:
        for operator in graph.operators:
            for position, index in enumerate(operator.inputs):
                if index < 0:
                    continue
                tensor = graph.tensors[index]
                data = model.buffers[tensor.buffer].data
                stand_in = places.get(_first_value(data))
                if stand_in is None or not _is_all(data, stand_in.value):
                    continue
                code = model.operatorCodes[operator.opcodeIndex].builtinCode
                array = stand_in.array()
                if position != 1 or code != stand_in.operator or tuple(tensor.shape) != array.shape:
                    return False
                arrays[tensor.buffer] = array
                seen.add(stand_in.value)
    if len(seen) < len(standing):
        return False
    for number, array in arrays.items():
        model.buffers[number].data = array
    return True


def _first_value(data: np.ndarray | memoryview | None) -> bytes:
    return b"" if data is None else bytes(data[:4])


def _is_all(data: np.ndarray | memoryview, value: np.float32) -> bool:
    return len(data) % 4 == 0 and bool((np.frombuffer(data, np.float32) == value).all())
