"""ResNeXt. Xie et al. 2016, "Aggregated Residual Transformations for Deep Neural Networks", 1611.05431, Tables 1-4."""

from functools import partial

from keras_cnns.blocks.residual import bottleneck
from keras_cnns.family.variant import Paper
from keras_cnns.models.resnet import HEAD, ResNet, features

__all__ = ["HEAD", "PAPER", "VARIANTS", "features"]

PAPER = Paper("Xie et al.", 2016, "Aggregated Residual Transformations for Deep Neural Networks", "1611.05431")


def template(depths: tuple[int, ...], C: int, d: int) -> ResNet:  # noqa: N803 (the paper's letters)
    """A row of cardinality C and bottleneck width d; "32x4d" is C=32, d=4."""
    return ResNet(partial(bottleneck, stride_in=3, C=C, d=d), depths)


row50, row101 = partial(template, (3, 4, 6, 3)), partial(template, (3, 4, 23, 3))

VARIANTS = {
    # Table 3: from ResNet (1x64d) to 32 groups, at the same complexity
    "resnext50_1x64d": row50(1, 64),
    "resnext50_2x40d": row50(2, 40),
    "resnext50_4x24d": row50(4, 24),
    "resnext50_8x14d": row50(8, 14),
    "resnext50_32x4d": row50(32, 4),
    "resnext101_1x64d": row101(1, 64),
    "resnext101_2x40d": row101(2, 40),
    "resnext101_4x24d": row101(4, 24),
    "resnext101_8x14d": row101(8, 14),
    "resnext101_32x4d": row101(32, 4),
    # Table 4: twice the complexity
    "resnext101_2x64d": row101(2, 64),
    "resnext101_64x4d": row101(64, 4),
    # torchvision's and the authors' later networks
    "resnext101_32x8d": row101(32, 8),
}
