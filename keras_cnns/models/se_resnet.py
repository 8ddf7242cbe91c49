"""SE-ResNet. Hu et al. 2017, "Squeeze-and-Excitation Networks", 1709.01507, Table 1."""

from functools import partial

from keras_cnns.blocks.residual import bottleneck
from keras_cnns.family.protocol import Paper
from keras_cnns.models.resnet import ResNet, features  # noqa: F401 (the same stages of another block)

PAPER = Paper("Hu et al.", 2017, "Squeeze-and-Excitation Networks", "1709.01507")

VARIANTS = {"se_resnet50": ResNet(partial(bottleneck, stride_in=3, r=16), (3, 4, 6, 3))}
