"""Wide ResNet on ImageNet. Zagoruyko & Komodakis 2016, "Wide Residual Networks", 1605.07146, section 3.4."""

from functools import partial

from keras_cnns.blocks.residual import bottleneck
from keras_cnns.family.variant import Paper
from keras_cnns.models.resnet import HEAD, ResNet, features

__all__ = ["HEAD", "PAPER", "VARIANTS", "features"]

PAPER = Paper("Zagoruyko & Komodakis", 2016, "Wide Residual Networks", "1605.07146")

wide = partial(
    bottleneck, stride_in=3, d=128
)  # the 3x3 convolutions are twice as wide as ResNet's, the outputs of the blocks are not

VARIANTS = {
    "wide_resnet50_2": ResNet(wide, (3, 4, 6, 3)),
    "wide_resnet101_2": ResNet(wide, (3, 4, 23, 3)),
}
