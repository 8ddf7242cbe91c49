"""Poolings that Keras has no layer for, on [batch, height, width, channels]."""

from collections.abc import Sequence

from keras_cnns.blocks.own_layers import own
from keras_cnns.support.lazy_imports import keras, layers, ops
from keras_cnns.support.types import Tensor


def adaptive_pool(x: Tensor, size: int, *, reduce: str = "mean", name: str) -> Tensor:
    """Pools to size x size windows that cover a picture of any size: see `layers.AdaptivePooling2D`.

    Returns x if it has that size already. reduce: "mean" or "max".
    """
    if x.shape[1:3] == (size, size):
        return x
    return own.AdaptivePooling2D(size, reduce, name=name)(x)


def pyramid_pool(x: Tensor, sizes: Sequence[int], *, name: str) -> Tensor:
    """Spatial pyramid pooling: [batch, height, width, channels] -> [batch, sum of sizes squared * channels].

    For each of `sizes`, the maxima of size x size windows that cover a picture of any size, concatenated. He et al.
    2014, 1406.4729, section 2.3. Where all windows of a size are equal (for example 13 positions and
    sizes 1, 2, 3 and 6), the layer is an ordinary max pooling.

    Example:
      x = pyramid_pool(x, (1, 2, 3, 6), name="spp")  # [2, 13, 13, 256] -> [2, 12800]
    """
    levels = []
    for size in sizes:
        level = f"{name}_{size}x{size}"
        windows = [_uniform_windows(length, size) for length in x.shape[1:3]]
        if all(windows):
            pools, strides = zip(*windows, strict=True)
            y = layers.MaxPooling2D(pools, strides, name=level)(x)
        else:
            y = own.AdaptivePooling2D(size, "max", name=level)(x)
        levels.append(layers.Flatten(name=f"{level}_flat")(y))
    return layers.Concatenate(name=name)(levels)


def _uniform_windows(length: int | None, size: int) -> tuple[int, int] | None:
    """(length, stride) of `size` equal windows that cover `length` positions; None if the windows differ.

    Window i reaches from floor(i * length / size) to ceil((i + 1) * length / size).
    """
    if length is None:
        return None
    first = [i * length // size for i in range(size)]
    lengths = {-(-(i + 1) * length // size) - start for i, start in enumerate(first)}
    steps = {b - a for a, b in zip(first, first[1:], strict=False)} or {1}
    return (lengths.pop(), steps.pop()) if len(lengths) == len(steps) == 1 and min(steps) > 0 else None


def min_pool(x: Tensor, size: int, stride: int | None = None, *, padding: str = "valid", name: str) -> Tensor:
    """Minimum over size x size windows: -max(-x). The output is [batch, h, w, channels]."""
    x = layers.Rescaling(-1.0, name=f"{name}_negative")(x)
    x = layers.MaxPooling2D(size, stride, padding, name=f"{name}_max")(x)
    return layers.Rescaling(-1.0, name=name)(x)


def l2_pool(x: Tensor, size: int, stride: int | None = None, *, name: str) -> Tensor:
    """Square root of the sum of squares over windows. Sermanet et al. 2012, 1204.3968, with p = 2."""
    x = layers.AveragePooling2D(size, stride, name=name)(ops.square(x))
    return ops.sqrt(ops.maximum(size * size * x, 1e-12))  # the square root has no finite gradient at 0


def weighted_pool(x: Tensor, size: int, stride: int | None = None, *, sigma: float | None = None, name: str) -> Tensor:
    """Gaussian-weighted mean over windows: see `layers.WeightedPooling2D`."""
    return own.WeightedPooling2D(size, stride, sigma, name=name)(x)


def trainable_subsampling(x: Tensor, *, name: str) -> Tensor:
    """The sum of 2x2 inputs, times a trainable coefficient, plus a trainable bias. LeCun et al. 1998, layer S2.

    [batch, height, width, channels] -> [batch, height / 2, width / 2, channels]. Each channel has a coefficient and a
    bias of its own.
    """
    x = layers.AveragePooling2D(2, name=f"{name}_mean")(x)
    x = layers.Rescaling(4.0, name=f"{name}_sum")(x)
    return layers.DepthwiseConv2D(1, depthwise_initializer=keras.initializers.Constant(0.25), name=name)(x)
