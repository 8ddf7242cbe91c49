"""Initial values without the wait: large kernels of He's normal distribution from a table, none where weights follow.

Keras draws a truncated normal number in 50 ns, and VGG-16 has 138 million. The distribution is the same here: 16 random
bits choose one of 65,536 numbers that part it into equal shares. Kernels that are small are left to Keras.
"""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from statistics import NormalDist

import numpy as np

from keras_cnns.support.lazy_imports import keras

LARGE = 100_000  # numbers in a kernel
ALIGNED = 64  # bytes, at which a tensor may begin
BLOCK = 2**16  # numbers drawn at a time: what a processor keeps near
FEW = 9  # blocks that are drawn before threads have started
CUT = 2.0  # standard deviations, where Keras truncates
KERNELS = ("kernel_initializer", "depthwise_initializer", "pointwise_initializer")


class Initial:
    """Stands for the initializer `word` while a network is built; `put_back` names it in the layers afterwards."""

    def __init__(self, word, drawn=True):
        self.word, self.drawn = word, drawn

    def __call__(self, shape, dtype=None):
        if not self.drawn:
            return keras.ops.full(shape, np.nan, dtype)
        if self.word != "he_normal" or np.prod(shape) < LARGE:
            return keras.initializers.get(self.word)(shape, dtype)
        values = he_normal(shape, random.randrange(2**63))  # which `keras.utils.set_random_seed` sets
        return keras.ops.convert_to_tensor(uncopied(values), dtype)


def he_normal(shape, seed):
    """float32 kernel [..., in, out] of He et al. 2015 (1502.01852): deviation (2 / fan-in)**.5, truncated at two."""
    table = truncated_normal() * np.float32((2 / np.prod(shape[:-1], dtype=np.float64)) ** 0.5)
    memory = np.empty(np.prod(shape) + ALIGNED // 4, np.float32)
    begin = -memory.ctypes.data % ALIGNED // 4
    flat = memory[begin : begin + np.prod(shape)]

    def draw(start):  # a block has a seed of its own: however many threads there are, the numbers are the same
        block = flat[start : start + BLOCK]
        rng = np.random.Generator(np.random.SFC64([seed, start]))
        np.take(table, rng.integers(0, 2**16, size=block.size, dtype=np.uint16), out=block, mode="wrap")

    starts = range(0, flat.size, BLOCK)
    if len(starts) <= FEW:
        list(map(draw, starts))
    else:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(draw, starts))
    return flat.reshape(shape)


def uncopied(values):
    """The tensor that is `values` [aligned], which TensorFlow else copies, and that takes as long as drawing them."""
    if keras.backend.backend() != "tensorflow":
        return values
    import tensorflow as tf

    return tf.experimental.dlpack.from_dlpack(values.__dlpack__())


@cache
def truncated_normal():
    """The numbers in the middle of 65,536 equal shares of a normal distribution cut at +-CUT, scaled to deviation 1."""
    normal = NormalDist()
    low = normal.cdf(-CUT)
    middles = low + (np.arange(2**16) + 0.5) / 2**16 * (1 - 2 * low)
    numbers = np.array([normal.inv_cdf(share) for share in middles])
    return (numbers / numbers.std()).astype(np.float32)


def draw_missing(model):
    """Draws the kernels that were left out and that the weights which followed had nothing for."""
    for layer in model.layers:
        for name in KERNELS:
            if not hasattr(layer, name):
                continue
            part = name.removesuffix("_initializer")  # a DepthwiseConv2D's "depthwise" one is for its kernel
            kernel = getattr(layer, "kernel" if part == "kernel" else f"{part}_kernel", getattr(layer, "kernel", None))
            if kernel is not None and np.isnan(keras.ops.convert_to_numpy(keras.ops.ravel(kernel)[:1])).any():
                kernel.assign(Initial(keras.initializers.serialize(getattr(layer, name)))(kernel.shape, kernel.dtype))


def put_back(model):
    """Names the initializers in the configurations of the layers, as if they had drawn the values."""
    for layer in model.layers:
        for name in KERNELS:
            if isinstance(getattr(layer, name, None), Initial):
                setattr(layer, name, keras.initializers.get(getattr(layer, name).word))
    return model
