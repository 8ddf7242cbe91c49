"""Depthwise-separable convolution. Howard et al. 2017, 1704.04861, Fig. 3; without the middle: Chollet, 1610.02357."""

from keras_cnns.support.lazy_imports import layers


def depthwise_separable(x, filters, *, kernel=3, stride=1, unit, name):
    """Depthwise (stride), BN, activation; 1x1, BN, activation."""
    x = unit.depthwise(x, kernel, stride=stride, name=f"{name}_depthwise")
    return unit(x, filters, 1, name=f"{name}_pointwise")


def separable(x, filters, *, kernel=3, unit, name):
    """Depthwise and 1x1 with nothing between them, BN: the separable convolution of Xception."""
    conv = layers.SeparableConv2D(
        filters,
        kernel,
        padding="same",
        use_bias=unit.numerics.conv_bias,
        depthwise_initializer=unit.initializer,
        pointwise_initializer=unit.initializer,
        name=f"{name}_conv",
    )
    return unit.norm(conv(x), name=name)
