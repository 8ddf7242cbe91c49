"""DeepLabV3. Chen et al. 2017, "Rethinking Atrous Convolution for Semantic Image Segmentation", 1706.05587, Fig. 5.

The three networks are torchvision's. Their rates fit an output stride of 8, also where the backbone has 16.
"""

from dataclasses import dataclass, replace

from keras_cnns.blocks.aspp import aspp
from keras_cnns.blocks.conv import TORCH, ConvUnit, Numerics
from keras_cnns.blocks.head import dropout
from keras_cnns.blocks.pixels import activated, resize_like, score
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import OnBackbone, Paper
from keras_cnns.support.types import Tensor

PAPER = Paper("Chen et al.", 2017, "Rethinking Atrous Convolution for Semantic Image Segmentation", "1706.05587")
# torchvision's MobileNetV3 as the backbone of its segmenters
DILATED_MOBILENET = {
    "output_stride": 16,
    "dilate_strided": True,
    "numerics": Numerics(padding="symmetric", epsilon=1e-3, momentum=0.99),
    "preprocessing": "torch",
}


@dataclass(frozen=True, kw_only=True)
class DeepLabV3(OnBackbone):
    """One network. `activation` is that of the head.

    Args:
      rates: dilations of the 3x3 convolutions of the pyramid.
      width: channels of each part of the pyramid, and of what follows it.
      head_numerics: of the head; None for the backbone's.
    """

    rates: tuple[int, ...] = (12, 24, 36)
    width: int = 256
    head_numerics: Numerics | None = TORCH
    dropout: float = 0.5
    classes: int = 21  # the 20 of PASCAL VOC, and the background
    input_shape: tuple[int, int, int] = (520, 520, 3)
    preprocessing: str = "torch"


VARIANTS = {
    "deeplab_v3_resnet50": DeepLabV3(backbone="resnet50_v1_5", columns={"output_stride": 8}),
    "deeplab_v3_resnet101": DeepLabV3(backbone="resnet101_v1_5", columns={"output_stride": 8}),
    "deeplab_v3_mobilenet_v3_large": DeepLabV3(backbone="mobilenet_v3_large", columns=DILATED_MOBILENET),
}


def predict(levels: Levels, net: DeepLabV3, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """A score for each class at each pixel, [batch, height, width, classes]."""
    unit = replace(unit, numerics=net.head_numerics or unit.numerics, activation=net.activation)
    x = aspp(levels["C5"], net.width, net.rates, unit=unit, name="aspp")
    x = unit(dropout(x, net.dropout, name="aspp_drop"), net.width, 3, name="neck")
    return activated(resize_like(score(x, classes, "score"), levels.image, name="resize"), activation)


HEAD = Head(predict, task="segmentation", scores=("score",))
