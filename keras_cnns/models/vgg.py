"""VGG. Simonyan & Zisserman 2014, "Very Deep Convolutional Networks ...", 1409.1556, Table 1."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

from keras_cnns.blocks.conv import KERAS, TORCH, ConvUnit, Numerics
from keras_cnns.blocks.head import fully_connected
from keras_cnns.blocks.normalization import local_response_norm
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.types import Tensor

PAPER = Paper(
    "Simonyan & Zisserman", 2014, "Very Deep Convolutional Networks for Large-Scale Image Recognition", "1409.1556"
)


@dataclass(frozen=True)
class VGG(Variant):
    """One column of Table 1.

    Args:
      depths: 3x3 convolutions before each max pooling.
      widths: their channels.
      last: the kernel of a block's third convolution.
      lrn: local response normalization follows conv1_1.
      batch_norm: a batch normalization follows each convolution; the paper predates it.
      pool_padding: "valid", or "same" so that a max pooling of an odd size keeps its last row and column.
      fc: units of the fully connected layers before the class scores.
    """

    depths: tuple[int, ...]
    widths: tuple[int, ...] = (64, 128, 256, 512, 512)
    last: int = 3
    lrn: bool = False
    batch_norm: bool = False
    _: KW_ONLY
    numerics: Numerics = TORCH
    preprocessing: str = "torch"
    initializer: str = "he_normal"
    dropout: float = 0.5
    pool_padding: str = "valid"
    fc: tuple[int, ...] = (4096, 4096)


A, B, D, E = (1, 1, 2, 2, 2), (2, 2, 2, 2, 2), (2, 2, 3, 3, 3), (2, 2, 4, 4, 4)
BN: dict[str, Any] = {"batch_norm": True, "numerics": replace(TORCH, conv_bias=True)}
CAFFE: dict[str, Any] = {"numerics": KERAS, "preprocessing": "caffe"}  # of the authors' weights in Keras

VARIANTS = {
    "vgg11": VGG(A),
    "vgg11_lrn": VGG(A, lrn=True),
    "vgg13": VGG(B),
    "vgg16_1x1": VGG(D, last=1),  # the paper's C
    "vgg16": VGG(D, **CAFFE),
    "vgg19": VGG(E, **CAFFE),
    "vgg11_bn": VGG(A, **BN),
    "vgg13_bn": VGG(B, **BN),
    "vgg16_bn": VGG(D, **BN),
    "vgg19_bn": VGG(E, **BN),
}


def features(x: Tensor, net: VGG, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 .. C4, the outputs of the last convolutions of blocks 2 .. 5, and C5, that of the last pooling."""
    unit = replace(unit, normalized=net.batch_norm)
    levels: dict[str, Tensor] = {}
    for block, (depth, width) in enumerate(zip(net.depths, net.widths, strict=True), start=1):
        for i in range(1, depth + 1):
            x = unit(x, width, net.last if i == 3 else 3, name=f"conv{block}_{i}")
            if net.lrn and block == 1:
                x = local_response_norm(x, name="norm1")
        levels[f"C{block - 1}"] = x
        x = unit.max_pool(x, 2, 2, padding=net.pool_padding, name=f"pool{block}")
    del levels["C0"]  # the first block is not a level
    return levels | {"C5": x}


def predict(levels: Levels, net: VGG, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """FC-4096, FC-4096 and the class scores."""
    return fully_connected(levels.last, net, unit, grid=7, units=net.fc, classes=classes, activation=activation)


HEAD = Head(predict)
