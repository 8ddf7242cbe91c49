"""RegNet. Radosavovic et al. 2020, "Designing Network Design Spaces", 2003.13678, Figs. 16 and 17, section 5."""

from dataclasses import KW_ONLY, dataclass
from functools import partial

from keras_cnns.blocks.conv import TORCH, ConvUnit, Numerics
from keras_cnns.blocks.squeeze_excite import squeeze_excite
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Radosavovic et al.", 2020, "Designing Network Design Spaces", "2003.13678")


@dataclass(frozen=True)
class RegNet(Variant):
    """One network, in the letters of the paper.

    Args:
      d: the numbers of blocks in the four stages.
      w: their widths, in channels.
      g: the group width: channels in each group of the 3x3 convolutions.
      se_ratio: squeezed channels as a fraction of the block's input channels (RegNetY); 0 for none (RegNetX).
      w_0: channels of the stem.
    """

    d: tuple[int, ...]
    w: tuple[int, ...]
    g: int
    se_ratio: float = 0.0
    w_0: int = 32
    _: KW_ONLY
    numerics: Numerics = TORCH
    preprocessing: str = "torch"
    initializer: str = "he_normal"


x, y = RegNet, partial(RegNet, se_ratio=0.25)

VARIANTS = {
    "regnet_x_200mf": x((1, 1, 4, 7), (24, 56, 152, 368), 8),
    "regnet_x_400mf": x((1, 2, 7, 12), (32, 64, 160, 384), 16),
    "regnet_x_600mf": x((1, 3, 5, 7), (48, 96, 240, 528), 24),
    "regnet_x_800mf": x((1, 3, 7, 5), (64, 128, 288, 672), 16),
    "regnet_x_1_6gf": x((2, 4, 10, 2), (72, 168, 408, 912), 24),
    "regnet_x_3_2gf": x((2, 6, 15, 2), (96, 192, 432, 1008), 48),
    "regnet_x_4gf": x((2, 5, 14, 2), (80, 240, 560, 1360), 40),
    "regnet_x_6_4gf": x((2, 4, 10, 1), (168, 392, 784, 1624), 56),
    "regnet_x_8gf": x((2, 5, 15, 1), (80, 240, 720, 1920), 120),
    "regnet_x_12gf": x((2, 5, 11, 1), (224, 448, 896, 2240), 112),
    "regnet_x_16gf": x((2, 6, 13, 1), (256, 512, 896, 2048), 128),
    "regnet_x_32gf": x((2, 7, 13, 1), (336, 672, 1344, 2520), 168),
    "regnet_y_200mf": y((1, 1, 4, 7), (24, 56, 152, 368), 8),
    "regnet_y_400mf": y((1, 3, 6, 6), (48, 104, 208, 440), 8),
    "regnet_y_600mf": y((1, 3, 7, 4), (48, 112, 256, 608), 16),
    "regnet_y_800mf": y((1, 3, 8, 2), (64, 128, 320, 768), 16),
    "regnet_y_1_6gf": y((2, 6, 17, 2), (48, 120, 336, 888), 24),
    "regnet_y_3_2gf": y((2, 5, 13, 1), (72, 216, 576, 1512), 24),
    "regnet_y_4gf": y((2, 6, 12, 2), (128, 192, 512, 1088), 64),
    "regnet_y_6_4gf": y((2, 7, 14, 2), (144, 288, 576, 1296), 72),
    "regnet_y_8gf": y((2, 4, 10, 1), (168, 448, 896, 2016), 56),
    "regnet_y_12gf": y((2, 5, 11, 1), (224, 448, 896, 2240), 112),
    "regnet_y_16gf": y((2, 4, 11, 1), (224, 448, 1232, 3024), 112),
    "regnet_y_32gf": y((2, 5, 12, 1), (232, 696, 1392, 3712), 232),
    # torchvision rounds widths to multiples of the group width by another rule, which makes these three wider
    "regnet_x_400mf_tv": x((1, 2, 7, 12), (32, 64, 160, 400), 16),
    "regnet_y_800mf_tv": y((1, 3, 8, 2), (64, 144, 320, 784), 16),
    "regnet_y_8gf_tv": y((2, 4, 10, 1), (224, 448, 896, 2016), 56),
}


def features(x: Tensor, net: RegNet, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1, the stem, and C2 .. C5, the outputs of the stages."""
    levels = {"C1": unit(x, net.w_0, 3, stride=2, name="stem")}
    x = levels["C1"]
    for stage, (depth, width) in enumerate(zip(net.d, net.w, strict=True), start=1):
        for i in range(depth):
            squeezed = round(net.se_ratio * x.shape[-1])
            x = block(
                x, width, net.g, stride=1 if i else 2, squeezed=squeezed, unit=unit, name=f"stage{stage}_block{i + 1}"
            )
        levels[f"C{stage + 1}"] = x
    return levels


def block(x: Tensor, width: int, g: int, *, stride: int, squeezed: int, unit: ConvUnit, name: str) -> Tensor:
    """The X block: 1x1, grouped 3x3 and 1x1 convolutions of one width, added to the input. The Y block has SE as well.

    [batch, height, width, channels] -> [batch, height / stride, width / stride, width]. Fig. 3, bottleneck ratio 1.
    """
    y = unit(x, width, 1, name=f"{name}_1")
    y = unit(y, width, 3, stride=stride, groups=width // min(g, width), name=f"{name}_2")
    if squeezed:
        y = squeeze_excite(y, squeezed, unit=unit, name=f"{name}_se")
    y = unit(y, width, 1, activation=None, name=f"{name}_3")
    if stride > 1 or x.shape[-1] != width:
        x = unit(x, width, 1, stride=stride, activation=None, name=f"{name}_0")
    return unit.act(layers.Add(name=f"{name}_add")([x, y]), name=f"{name}_out")


HEAD = GLOBAL_POOLING
