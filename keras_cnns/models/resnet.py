"""ResNet. He et al. 2015, "Deep Residual Learning for Image Recognition", 1512.03385, Table 1."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import partial

from keras_cnns.blocks.conv import TORCH, ConvUnit, Numerics
from keras_cnns.blocks.residual import basic, bottleneck, plain
from keras_cnns.blocks.strides import Strides
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.types import Tensor

PAPER = Paper("He et al.", 2015, "Deep Residual Learning for Image Recognition", "1512.03385")
CAFFE = Numerics(padding="symmetric", conv_bias=True, epsilon=1.001e-5)  # of the authors' weights in Keras


@dataclass(frozen=True)
class ResNet(Variant):
    """One column of Table 1.

    Args:
      block: builds a block, from blocks/residual.py.
      depths: the numbers of blocks in conv2_x .. conv5_x.
      widths: channels of their 3x3 convolutions.
      shortcut: the paper's options: "identity" (A), "projection" (B) or "all" (C).
      output_stride: how much smaller than the picture the last level is: 8, 16 or 32. Stages that would exceed it are
        dilated instead of strided.
    """

    block: Callable[..., Tensor]
    depths: tuple[int, ...]
    widths: tuple[int, ...] = (64, 128, 256, 512)
    shortcut: str = "projection"
    output_stride: int = 32
    _: KW_ONLY
    numerics: Numerics = TORCH
    preprocessing: str = "torch"
    initializer: str = "he_normal"


paper, v1_5 = partial(bottleneck, stride_in=1), partial(bottleneck, stride_in=3)
caffe = partial(ResNet, numerics=CAFFE, preprocessing="caffe")

VARIANTS = {
    "plain18": ResNet(plain, (2, 2, 2, 2)),
    "plain34": ResNet(plain, (3, 4, 6, 3)),
    "resnet18": ResNet(basic, (2, 2, 2, 2)),
    "resnet34": ResNet(basic, (3, 4, 6, 3)),
    "resnet50": caffe(paper, (3, 4, 6, 3)),
    "resnet101": caffe(paper, (3, 4, 23, 3)),
    "resnet152": caffe(paper, (3, 8, 36, 3)),
    "resnet50_v1_5": ResNet(v1_5, (3, 4, 6, 3)),
    "resnet101_v1_5": ResNet(v1_5, (3, 4, 23, 3)),
    "resnet152_v1_5": ResNet(v1_5, (3, 8, 36, 3)),
}


def features(x: Tensor, net: ResNet, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 .. C5: conv1, and the outputs of conv2_x .. conv5_x."""
    levels = {"C1": unit(x, 64, 7, stride=2, name="conv1")}
    x = unit.max_pool(levels["C1"], 3, 2, name="pool1")
    strides = Strides(net.output_stride)
    strides(4)
    for stage, (depth, width) in enumerate(zip(net.depths, net.widths, strict=True), start=2):
        for i in range(depth):
            stride = 2 if stage > 2 and i == 0 else 1
            options = {"shortcut": net.shortcut, **strides(stride)}
            x = net.block(x, width, stride=stride, unit=unit, name=f"conv{stage}_block{i + 1}", **options)
        levels[f"C{stage}"] = x
    return levels


HEAD = GLOBAL_POOLING
