"""Wide ResNets for 32x32 pictures. Zagoruyko & Komodakis 2016, "Wide Residual Networks", 1605.07146, Table 1."""

from keras_cnns.blocks.residual import basic
from keras_cnns.models.resnet_cifar import HEAD, ResNetCifar, features, v2
from keras_cnns.models.wide_resnet import PAPER

__all__ = ["HEAD", "PAPER", "VARIANTS", "features"]


def wrn(depth: int, k: int) -> ResNetCifar:
    """A row: the number of layers with weights, and the widening factor. Dropout separates a block's convolutions."""
    return v2((depth - 4) // 6, basic, PAPER, widths=(16 * k, 32 * k, 64 * k), drop_rate=0.3)


VARIANTS = {
    "wrn_40_4_cifar": wrn(40, 4),
    "wrn_16_8_cifar": wrn(16, 8),
    "wrn_28_10_cifar": wrn(28, 10),
}
