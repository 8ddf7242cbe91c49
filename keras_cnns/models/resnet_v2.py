"""ResNet v2. He et al. 2016, "Identity Mappings in Deep Residual Networks", 1603.05027, Fig. 4e and Table 5."""

from dataclasses import KW_ONLY, dataclass

from keras_cnns.blocks.conv import ConvUnit, Numerics
from keras_cnns.blocks.residual import bottleneck
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper("He et al.", 2016, "Identity Mappings in Deep Residual Networks", "1603.05027")


@dataclass(frozen=True)
class ResNetV2(Variant):
    """One network.

    Args:
      depths: the numbers of units in conv2_x .. conv5_x.
      widths: channels of their 3x3 convolutions.
      stride_at: the unit of a stage that carries the stride: "last" in conv2_x .. conv4_x (TF-Slim and Keras), or
        "first" in conv3_x .. conv5_x (the authors and timm).
      zeros: pool1 pads with zeros, which win over negative values; otherwise padding never wins.
      k: multiplier of all channels.
    """

    depths: tuple[int, ...]
    widths: tuple[int, ...] = (64, 128, 256, 512)
    stride_at: str = "last"
    zeros: bool = True
    k: int = 1
    _: KW_ONLY
    numerics: Numerics = Numerics(padding="symmetric", epsilon=1.001e-5)
    initializer: str = "he_normal"


def torch(depths: tuple[int, ...]) -> ResNetV2:
    """A row of timm's."""
    numerics = Numerics(padding="symmetric", free_bias=False, epsilon=1e-5, momentum=0.9)
    return ResNetV2(depths, stride_at="first", zeros=False, numerics=numerics, preprocessing="torch")


VARIANTS = {
    "resnet50_v2": ResNetV2((3, 4, 6, 3)),
    "resnet101_v2": ResNetV2((3, 4, 23, 3)),
    "resnet152_v2": ResNetV2((3, 8, 36, 3)),
    "resnet200_v2": ResNetV2((3, 24, 36, 3)),
    "resnetv2_50": torch((3, 4, 6, 3)),
    "resnetv2_101": torch((3, 4, 23, 3)),
    "resnetv2_152": torch((3, 8, 36, 3)),
}


def features(x: Tensor, net: ResNetV2, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 .. C4, sums before their activation, and C5, which is normalized and rectified."""
    levels = {"C1": unit.conv(x, 64 * net.k, 7, stride=2, bias=unit.numerics.free_bias, name="conv1")}
    if net.zeros:
        x = unit.max_pool(levels["C1"], 3, 2, name="pool1")
    else:  # stride 1 and then every second position, because Keras's "same" padding with stride 2 is not symmetric
        x = layers.MaxPooling2D(3, 1, "same", name="pool1")(levels["C1"])
        x = layers.MaxPooling2D(1, 2, name="pool1_subsample")(x)
    last = len(net.depths) + 1
    for stage, (depth, width) in enumerate(zip(net.depths, net.widths, strict=True), start=2):
        for i in range(depth):
            if net.stride_at == "last":
                stride = 2 if stage < last and i == depth - 1 else 1
            else:
                stride = 2 if stage > 2 and i == 0 else 1
            if stride == 2:
                levels[f"C{len(levels) + 1}"] = x
            name = f"conv{stage}_block{i + 1}"
            x = bottleneck(x, net.k * width, stride=stride, unit=unit, name=name, ordering="full_preactivation")
    x = unit.act(unit.norm(x, name="post"), name="post")
    return levels | {f"C{len(levels) + 1}": x}


HEAD = GLOBAL_POOLING
