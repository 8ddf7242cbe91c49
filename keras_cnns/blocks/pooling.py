"""Pooling that Keras's own layers do not do. All of [batch, height, width, channels]."""

from keras_cnns.blocks.own_layers import own
from keras_cnns.support.lazy_imports import keras, layers, ops


def adaptive_pool(x, size, *, reduce="mean", name):
    """Means (or reduce="max") over size x size windows that cover any picture; x itself where it has that size."""
    if x.shape[1:3] == (size, size):
        return x
    return own.AdaptivePooling2D(size, reduce, name=name)(x)


def pyramid_pool(x, sizes, *, name):
    """[batch, height, width, channels] -> [batch, sum of sizes squared * channels]: the maxima of size x size windows
    that cover any picture, for each of `sizes`. He et al. 2014, 1406.4729, section 2.3.

    Where the windows of a level of known size are all alike, which 13 positions are for 1, 2, 3 and 6, they are an
    ordinary pooling.
    """
    levels = []
    for size in sizes:
        level = f"{name}_{size}x{size}"
        windows = [_alike(length, size) for length in x.shape[1:3]]
        if all(windows):
            pools, strides = zip(*windows, strict=True)
            y = layers.MaxPooling2D(pools, strides, name=level)(x)
        else:
            y = own.AdaptivePooling2D(size, "max", name=level)(x)
        levels.append(layers.Flatten(name=f"{level}_flat")(y))
    return layers.Concatenate(name=name)(levels)


def _alike(length, size):
    """(length, step) of `size` windows that cover `length` positions, from floor(i * length / size) to the ceiling of
    the next; `None` where they differ."""
    if length is None:
        return None
    first = [i * length // size for i in range(size)]
    lengths = {-(-(i + 1) * length // size) - start for i, start in enumerate(first)}
    steps = {b - a for a, b in zip(first, first[1:], strict=False)} or {1}
    return (lengths.pop(), steps.pop()) if len(lengths) == len(steps) == 1 and min(steps) > 0 else None


def min_pool(x, size, stride=None, *, padding="valid", name):
    """Minimum over windows: the maximum of -x, negated."""
    x = layers.Rescaling(-1.0, name=f"{name}_negative")(x)
    x = layers.MaxPooling2D(size, stride, padding, name=f"{name}_max")(x)
    return layers.Rescaling(-1.0, name=name)(x)


def l2_pool(x, size, stride=None, *, name):
    """Square root of the sum of squares over windows, as in Sermanet et al. 2012, 1204.3968, with p = 2."""
    x = layers.AveragePooling2D(size, stride, name=name)(ops.square(x))
    return ops.sqrt(ops.maximum(size * size * x, 1e-12))  # the root has no gradient at 0


def weighted_pool(x, size, stride=None, *, sigma=None, name):
    """A mean with weights that fall with the distance from the window's centre."""
    return own.WeightedPooling2D(size, stride, sigma, name=name)(x)


def trainable_subsampling(x, *, name):
    """The sum of 2x2 inputs, times a trainable coefficient, plus a bias; one of each a map. LeCun et al. 1998, S2."""
    x = layers.AveragePooling2D(2, name=f"{name}_mean")(x)
    x = layers.Rescaling(4.0, name=f"{name}_sum")(x)
    return layers.DepthwiseConv2D(1, depthwise_initializer=keras.initializers.Constant(0.25), name=name)(x)
