"""Initial values: large He-normal kernels are drawn from a table, and kernels that weights will replace are not drawn.

Keras takes 50 ns for each truncated normal number, and VGG-16 has 138 million of them. Here 16 random bits choose one
of 65,536 values, which divide the same distribution into equal shares. Small kernels are left to Keras. The threads and
the shared memory keep the building of VGG-16 near that of keras.applications, which draws uniform numbers.
"""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from statistics import NormalDist

import numpy as np

from keras_cnns.support.lazy_imports import keras
from keras_cnns.support.types import Tensor

LARGE = 100_000  # smallest number of values in a kernel that the table draws
ALIGNED = 64  # alignment in bytes that a tensor needs
BLOCK = 2**16  # values drawn at a time, which fit in the cache of a processor
CUT = 2.0  # standard deviations at which Keras truncates
KERNELS = ("kernel_initializer", "depthwise_initializer", "pointwise_initializer")


class Initial:
    """Stands in for a Keras initializer while a network is built; `restore_initializers` puts the original back.

    Args:
      initializer: the name or the configuration of a Keras initializer.
      drawn: False to fill kernels with NaN instead, for weights that are loaded afterwards. A kernel that the weights
        do not have is still NaN then, and `draw_missing` draws it.
    """

    def __init__(self, initializer: str | dict, drawn: bool = True) -> None:
        self.initializer, self.drawn = initializer, drawn

    def __call__(self, shape: tuple, dtype: str | None = None) -> Tensor:
        if not self.drawn:
            return keras.ops.full(shape, np.nan, dtype)
        if self.initializer != "he_normal" or np.prod(shape) < LARGE:
            return keras.initializers.get(self.initializer)(shape, dtype)
        values = he_normal(shape, random.randrange(2**63))  # `keras.utils.set_random_seed` seeds `random`
        return keras.ops.convert_to_tensor(without_copy(values), dtype)


def he_normal(shape: tuple, seed: int) -> np.ndarray:
    """A float32 kernel [..., in, out] of He et al. 2015, 1502.01852: deviation sqrt(2 / fan-in), truncated at two."""
    table = truncated_normal() * np.float32((2 / np.prod(shape[:-1], dtype=np.float64)) ** 0.5)
    memory = np.empty(np.prod(shape) + ALIGNED // 4, np.float32)
    begin = -memory.ctypes.data % ALIGNED // 4
    flat = memory[begin : begin + np.prod(shape)]

    def draw(start: int) -> None:  # each block has its own seed, so the values do not depend on the number of threads
        block = flat[start : start + BLOCK]
        rng = np.random.Generator(np.random.SFC64([seed, start]))
        np.take(table, rng.integers(0, 2**16, size=block.size, dtype=np.uint16), out=block, mode="wrap")

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(draw, range(0, flat.size, BLOCK)))
    return flat.reshape(shape)


def without_copy(values: np.ndarray) -> Tensor:
    """A tensor that shares the memory of `values`, which must be aligned.

    TensorFlow would copy them, which makes building VGG-16 slower by almost half.
    """
    if keras.backend.backend() != "tensorflow":
        return values
    import tensorflow as tf

    return tf.experimental.dlpack.from_dlpack(values.__dlpack__())


@cache
def truncated_normal() -> np.ndarray:
    """float32 [65536]: medians of equal shares of a normal distribution, truncated at +-CUT, scaled to deviation 1."""
    normal = NormalDist()
    low = normal.cdf(-CUT)
    middles = low + (np.arange(2**16) + 0.5) / 2**16 * (1 - 2 * low)
    numbers = np.array([normal.inv_cdf(share) for share in middles])
    return (numbers / numbers.std()).astype(np.float32)


def draw_missing(model: "keras.Model") -> None:
    """Draws the kernels that are still NaN, because the loaded weights did not have them."""
    for layer in model.layers:
        for name in KERNELS:
            if not hasattr(layer, name):
                continue
            part = name.removesuffix("_initializer")  # a DepthwiseConv2D's "depthwise" initializer is for its kernel
            kernel = getattr(layer, "kernel" if part == "kernel" else f"{part}_kernel", getattr(layer, "kernel", None))
            if kernel is not None and np.isnan(keras.ops.convert_to_numpy(keras.ops.ravel(kernel)[:1])).any():
                kernel.assign(Initial(keras.initializers.serialize(getattr(layer, name)))(kernel.shape, kernel.dtype))


def restore_initializers(model: "keras.Model") -> "keras.Model":
    """Restores the original initializers in the layers of `model`, and returns it."""
    for layer in model.layers:
        for name in KERNELS:
            if isinstance(getattr(layer, name, None), Initial):
                setattr(layer, name, keras.initializers.get(getattr(layer, name).initializer))
    return model
