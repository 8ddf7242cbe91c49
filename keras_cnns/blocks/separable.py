"""Depthwise-separable convolution. Howard et al. 2017, 1704.04861, Fig. 3."""


def depthwise_separable(x, filters, *, kernel=3, stride=1, unit, name):
    """Depthwise (stride), BN, activation; 1x1, BN, activation."""
    x = unit.depthwise(x, kernel, stride=stride, name=f"{name}_depthwise")
    return unit(x, filters, 1, name=f"{name}_pointwise")
