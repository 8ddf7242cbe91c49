"""DeepLabV3+. Chen et al. 2018, "Encoder-Decoder with Atrous Separable Convolution ...", 1802.02611, Fig. 2.

The paper's networks stand on Xception and ResNet-101, these on any backbone.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from keras_cnns.blocks.aspp import aspp, separable_conv
from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.head import dropout
from keras_cnns.blocks.pixels import activated, resize_like, score
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import OnBackbone, Paper
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper(
    "Chen et al.",
    2018,
    "Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation",
    "1802.02611",
)


@dataclass(frozen=True, kw_only=True)
class DeepLabV3Plus(OnBackbone):
    """One network. `activation` is that of the head; its numerics are the backbone's.

    Args:
      low: the level, or the layer of the backbone, that gives the decoder its detail (section 3.1).
      rates: dilations of the 3x3 convolutions of the pyramid, for an output stride of 16.
      width: channels of each part of the pyramid and of the decoder.
      low_width: channels to which the low level is reduced (Table 1).
      separable: the 3x3 convolutions of pyramid and decoder are depthwise separable.
    """

    backbone: str = "mobilenet_v3_large"
    columns: dict[str, Any] = field(default_factory=lambda: {"output_stride": 16})
    low: str = "C2"
    rates: tuple[int, ...] = (6, 12, 18)
    width: int = 256
    low_width: int = 48
    separable: bool = True
    dropout: float = 0.1
    classes: int = 21  # the 20 of PASCAL VOC, and the background
    input_shape: tuple[int, int, int] = (512, 512, 3)


VARIANTS = {
    "deeplab_v3_plus": DeepLabV3Plus(),
    "deeplab_v3_plus_resnet101": DeepLabV3Plus(backbone="resnet101_v1_5", preprocessing="torch"),
}


def predict(levels: Levels, net: DeepLabV3Plus, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """A score for each class at each pixel, [batch, height, width, classes]."""
    low, unit = levels[net.low], replace(unit, activation=net.activation)
    x = aspp(levels["C5"], net.width, net.rates, separable=net.separable, unit=unit, name="aspp")
    x = resize_like(dropout(x, net.dropout, name="aspp_drop"), low, name="decoder_resize")
    low = unit(low, net.low_width, 1, name="decoder_low")
    x = layers.Concatenate(name="decoder_concat")([x, low])
    for name in ("decoder1", "decoder2"):
        x = separable_conv(x, net.width, unit=unit, name=name) if net.separable else unit(x, net.width, 3, name=name)
    return activated(resize_like(score(x, classes, "score"), levels.image, name="resize"), activation)


HEAD = Head(predict, task="segmentation", scores=("score",))
