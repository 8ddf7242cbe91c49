"""Between the floats of a model and what a file's inputs and outputs store, for runtimes that know only the latter."""

import numpy as np

from keras_cnns.support.errors import UserError
from keras_cnns.tflite.file.contents import NUMPY_TYPES, Tensor, TFLiteFile


def stored_inputs(file: TFLiteFile, inputs: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], int]:
    """Pictures as the file's inputs store them: {"0": (steps, batch, ...), "1": ...} in its order, and their number.

    inputs: input name -> (N, ...) floats; "*" stands for the only input. The last picture fills up the last batch.

    Raises:
      UserError: the names or shapes are not those of the file.
    """
    tensors = file.inputs
    if set(inputs) == {"*"} and len(tensors) == 1:
        inputs = {name: inputs["*"] for name in tensors}
    if set(inputs) != set(tensors):
        raise UserError(f"the inputs of {file.path.name} are {', '.join(tensors)}, not {', '.join(inputs)}.")
    batch = file.batch or 1
    count = len(next(iter(inputs.values())))
    index = np.minimum(np.arange(-(-count // batch) * batch), count - 1)
    arrays = {}
    for position, (name, tensor) in enumerate(tensors.items()):
        values = np.asarray(inputs[name])
        if values.shape[1:] != tensor.shape[1:]:
            wanted = ", ".join(map(str, tensor.shape[1:]))
            raise UserError(f"input {name} of {file.path.name} takes (N, {wanted}), not {values.shape}.")
        arrays[str(position)] = quantize(values[index], tensor).reshape(-1, batch, *values.shape[1:])
    return arrays, count


def float_outputs(file: TFLiteFile, arrays: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """What a runtime answered, {"0": (steps, batch, ...), ...}, as floats by output name."""
    outputs = {}
    for position, (name, tensor) in enumerate(file.outputs.items()):
        values = arrays[str(position)]
        outputs[name] = dequantize(values.reshape(-1, *values.shape[2:])[:count], tensor)
    return outputs


def quantize(values: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Floats as `tensor` stores them."""
    kind = NUMPY_TYPES[tensor.type]
    if tensor.quantized:
        limits = np.iinfo(kind)
        values = np.clip(np.rint(values / tensor.scales[0]) + tensor.zero_points[0], limits.min, limits.max)
    return np.ascontiguousarray(values, kind)


def dequantize(values: np.ndarray, tensor: Tensor) -> np.ndarray:
    """What `tensor` stores, as floats."""
    if not tensor.quantized:
        return values
    return (values.astype(np.float32) - tensor.zero_points[0]) * np.float32(tensor.scales[0])


def output_scale(file: TFLiteFile, tensor: Tensor) -> float:
    """The distance between two answers of an output: its scale, or that of the integers it was a moment before."""
    maker = file.main.producers.get(tensor.index)
    if maker is not None and maker.name == "DEQUANTIZE":
        tensor = file.main.tensors[maker.inputs[0]]
    return tensor.scales[0] if tensor.quantized else 0.0
