"""Lite R-ASPP. Howard et al. 2019, "Searching for MobileNetV3", 1905.02244, section 6.4 and Fig. 10.

The pooling covers the whole picture, as in torchvision. The scores of the coarse level are computed before they are
enlarged and not after it: a 1x1 convolution and bilinear interpolation can change places, and this order is cheaper.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from keras_cnns.blocks.conv import TORCH, ConvUnit, Numerics
from keras_cnns.blocks.pixels import activated, resize_like, score
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import OnBackbone, Paper
from keras_cnns.models.deeplab_v3 import DILATED_MOBILENET
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Howard et al.", 2019, "Searching for MobileNetV3", "1905.02244")


@dataclass(frozen=True, kw_only=True)
class LRASPP(OnBackbone):
    """One network. `activation` is that of the head.

    Args:
      low: the level, or the layer of the backbone, whose scores are added to those of `high`.
      high: the level, or the layer of the backbone, that is pooled and reduced.
      width: channels that `high` is reduced to.
      head_numerics: of the head; None for the backbone's.
    """

    backbone: str = "mobilenet_v3_large"
    columns: dict[str, Any] = field(default_factory=lambda: {"output_stride": 16})
    low: str = "C3"
    high: str = "C5"
    width: int = 128
    head_numerics: Numerics | None = None
    classes: int = 21  # the 20 of PASCAL VOC, and the background
    input_shape: tuple[int, int, int] = (512, 512, 3)


VARIANTS = {
    "lr_aspp": LRASPP(),
    "lr_aspp_mobilenet_v3_small": LRASPP(backbone="mobilenet_v3_small"),
    "lr_aspp_mobilenet_v3_large": LRASPP(
        columns=DILATED_MOBILENET,
        low="block4_project_bn",  # the first block of that size; a level is the last one
        head_numerics=TORCH,
        input_shape=(520, 520, 3),
        preprocessing="torch",
    ),
}


def predict(levels: Levels, net: LRASPP, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """A score for each class at each pixel, [batch, height, width, classes]."""
    low, high = levels[net.low], levels[net.high]
    unit = replace(unit, numerics=net.head_numerics or unit.numerics, activation=net.activation)
    x = unit(high, net.width, 1, name="high")
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="gate_pool")(high)
    gate = unit.act(unit.conv(gate, net.width, 1, bias=False, name="gate"), "sigmoid", name="gate")
    x = score(layers.Multiply(name="gated")([x, gate]), classes, "score_high")
    x = layers.Add(name="fuse")([score(low, classes, "score_low"), resize_like(x, low, name="high_resize")])
    return activated(resize_like(x, levels.image, name="resize"), activation)


HEAD = Head(predict, task="segmentation", scores=("score_high", "score_low"))
