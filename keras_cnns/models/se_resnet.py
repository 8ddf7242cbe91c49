"""SE-ResNet. Hu et al. 2017, "Squeeze-and-Excitation Networks", 1709.01507, Table 1."""

from functools import partial

from keras_cnns.blocks.residual import bottleneck
from keras_cnns.family.variant import Paper
from keras_cnns.models.resnet import HEAD, ResNet, features

__all__ = ["HEAD", "PAPER", "VARIANTS", "features"]

PAPER = Paper("Hu et al.", 2017, "Squeeze-and-Excitation Networks", "1709.01507")

VARIANTS = {"se_resnet50": ResNet(partial(bottleneck, stride_in=3, r=16), (3, 4, 6, 3))}
