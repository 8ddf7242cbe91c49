"""Wide ResNets for 32x32 pictures. Zagoruyko & Komodakis 2016, "Wide Residual Networks", 1605.07146, Table 1."""

from keras_cnns.blocks.residual import basic
from keras_cnns.models.resnet_cifar import features, v2  # noqa: F401 (the same stages, wider)
from keras_cnns.models.wide_resnet import PAPER  # noqa: F401


def wrn(depth, k):
    """A row: layers with weights, and the factor by which the stages are wider; dropout between the 3x3."""
    return v2((depth - 4) // 6, basic, widths=(16 * k, 32 * k, 64 * k), drop_rate=0.3)


VARIANTS = {
    "wrn_40_4_cifar": wrn(40, 4),
    "wrn_16_8_cifar": wrn(16, 8),
    "wrn_28_10_cifar": wrn(28, 10),
}
