"""Bit allocation: four bits for the weights to which the answers are least sensitive, eight for the others."""

from collections.abc import Mapping

import numpy as np

from keras_cnns.support.errors import UnsupportedModel
from keras_cnns.tflite.file import flatbuffer
from keras_cnns.tflite.inputs.pictures import batched, thin
from keras_cnns.tflite.quantize import rounding
from keras_cnns.tflite.quantize.evaluate import answers, check_finite, normalized_error
from keras_cnns.tflite.quantize.kernels import Kernel
from keras_cnns.tflite.quantize.layerwise import POSITIONS, WIDEST
from keras_cnns.tflite.quantize.steps import KIND, File

PICTURES = 16
FOUR_BITS = (KIND.CONV_2D, KIND.FULLY_CONNECTED)  # what LiteRT Quantizer has four bits for
HIGH = 7


def sensitivities(data: bytes, pictures: Mapping[str, np.ndarray], batch: int = 1) -> dict[str, tuple[float, int]]:
    """The sensitivity of the answers to four-bit weights in each layer: {name of the layer's result: (error, weights)}.

    Args:
      data: the float32 flatbuffer.
      pictures: {input name: (N, ...) floats}.
      batch: pictures at a time.

    Returns:
      The squared error of all outputs, divided by their variance, with only this layer's weights in four bits (learned
      rounding, corrected bias), and the number of its weights. Layers that cannot have four bits are left out.

    Raises:
      UserError: the answers to a picture are not finite.
    """
    inputs = list(batched(thin(pictures, PICTURES), batch))
    file = File(data)
    able = (Kernel.of(file, operator) for operator in file.operators if file.kind(operator) in FOUR_BITS)
    kernels = [k for k in able if k and file.readers(k.operator.inputs[k.place]) == 1]
    wanted, seen = answers(data, inputs, [k.operator.inputs[k.picture] for k in kernels])
    check_finite(wanted, pictures, PICTURES, batch)
    errors = {}
    for kernel, x in zip(kernels, seen, strict=True):
        changed = File(data)
        weights, shift = _four_bits(kernel, x)
        changed.store(kernel.operator.inputs[kernel.place], weights)
        if kernel.bias is not None:
            operator = changed.operators[file.operators.index(kernel.operator)]
            bias = operator.inputs[kernel.bias]
            operator.inputs = [*operator.inputs[: kernel.bias], changed.twin(bias, operator.outputs[0])]
            changed.store(operator.inputs[kernel.bias], file.constant(bias) + shift)
        actual, _ = answers(flatbuffer.write(changed.model), inputs)
        errors[file.name(kernel.operator.outputs[0])] = normalized_error(wanted, actual), kernel.weights.size
    return errors


def allocate(sensitivities: Mapping[str, tuple[float, int]], size: int, budget: float, strict: bool = True) -> set[str]:
    """The names of the layers that get four bits, so that a file of `size` bytes in eight bits has at most `budget`.

    Raises:
      UserError: with `strict`, if no choice makes the file so small.
    """
    chosen = set()
    for name in sorted(sensitivities, key=lambda name: sensitivities[name][0] / sensitivities[name][1]):
        if size <= budget:
            break
        size -= sensitivities[name][1] // 2
        chosen.add(name)
    if strict and size > budget:
        least = f"with four bits wherever they can be the file has {size:,} bytes"
        raise UnsupportedModel(f"{least}, more than {max(budget, 0):,.0f}: allow a larger max_size.")
    return chosen


def _four_bits(kernel: Kernel, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weights of a kernel as four bits keep them, and what its bias is to be moved by."""
    channels = pictures.shape[-1]
    rows = kernel.rows(kernel.weights, channels).astype(np.float64)
    scale = np.abs(rows).max(-1) / HIGH
    patches = kernel.patches(pictures, max(POSITIONS * rows.shape[-1], 512))
    mean = patches.mean(1, keepdims=True)
    if rows.shape[-1] > WIDEST:
        integers = np.rint(rows / np.maximum(scale, 1e-30)[..., None])
    else:
        covariance = np.matmul((patches - mean).transpose(0, 2, 1), patches - mean) / patches.shape[1]
        integers = rounding.learned(rows, covariance, scale, -HIGH, HIGH)
    after = integers * scale[..., None]
    shift = np.matmul(rows - after, mean.transpose(0, 2, 1)).reshape(-1)
    return kernel.stored(after, kernel.weights.shape).astype(np.float32), shift.astype(np.float32)
