"""Inception-ResNet. Szegedy et al. 2016, "Inception-v4, Inception-ResNet and ...", 1602.07261, Fig. 10 to 19."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from keras_cnns.blocks.conv import ConvUnit, Numerics
from keras_cnns.blocks.inception import chain, module, residual
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Variant
from keras_cnns.models.inception_v3 import STEM_1, STEM_2
from keras_cnns.models.inception_v4 import PAPER, reduction_a
from keras_cnns.support.types import Tensor

__all__ = ["HEAD", "PAPER", "VARIANTS", "features"]

# Inception-ResNet-v1: Fig. 10, 11, 13; reduction B: Fig. 12
A_V1 = {"1x1": [(32, 1)], "3x3": [(32, 1), (32, 3)], "3x3dbl": [(32, 1), (32, 3), (32, 3)]}
B_V1 = {"1x1": [(128, 1)], "7x7": [(128, 1), (128, (1, 7)), (128, (7, 1))]}
C_V1 = {"1x1": [(192, 1)], "3x3": [(192, 1), (192, (1, 3)), (192, (3, 1))]}
REDUCTION_B_V1 = {
    "3x3": [(256, 1), (384, 3, 2, "V")],
    "3x3b": [(256, 1), (256, 3, 2, "V")],
    "3x3dbl": [(256, 1), (256, 3), (256, 3, 2, "V")],
    "pool": [("max", 3, 2, "V")],
}

# Inception-ResNet-v2: Fig. 16, 17, 19; reduction B: Fig. 18
A_V2 = {"1x1": [(32, 1)], "3x3": [(32, 1), (32, 3)], "3x3dbl": [(32, 1), (48, 3), (64, 3)]}
B_V2 = {"1x1": [(192, 1)], "7x7": [(128, 1), (160, (1, 7)), (192, (7, 1))]}
C_V2 = {"1x1": [(192, 1)], "3x3": [(192, 1), (224, (1, 3)), (256, (3, 1))]}
REDUCTION_B_V2 = {
    "3x3": [(256, 1), (384, 3, 2, "V")],
    "3x3b": [(256, 1), (288, 3, 2, "V")],
    "3x3dbl": [(256, 1), (288, 3), (320, 3, 2, "V")],
    "pool": [("max", 3, 2, "V")],
}
# the authors' code has Inception v3's stem and this module instead of Fig. 3
MIXED_5B = {
    "1x1": [(96, 1)],
    "5x5": [(48, 1), (64, 5)],
    "3x3dbl": [(64, 1), (96, 3), (96, 3)],
    "pool": [("avg", 3), (64, 1)],
}


@dataclass(frozen=True)
class InceptionResNet(Variant):
    """One form of the network.

    Args:
      entry: the module that ends the stem.
      table: a row each for 35x35, 17x17 and 8x8: the reduction before the blocks (or None), the name of the blocks,
        their branches, their number, and the factor that scales their residuals.
      linear_last: the last block has no scaling and no activation.
      last: channels of a 1x1 convolution at the end, or None.
    """

    entry: dict[str, Any]
    table: tuple[tuple[Any, ...], ...]
    linear_last: bool = False
    last: int | None = None
    _: KW_ONLY
    numerics: Numerics = Numerics(momentum=0.9)
    input_shape: tuple[int, int, int] = (299, 299, 3)
    min_size: int = 75
    dropout: float = 0.2


V1 = (
    (None, "block35", A_V1, 5, 0.17),
    (reduction_a(192, 192, 256, 384), "block17", B_V1, 10, 0.1),
    (REDUCTION_B_V1, "block8", C_V1, 5, 0.2),
)
V2 = (  # numbers of blocks of the authors' code, twice the paper's 5, 10 and 5
    (None, "block35", A_V2, 10, 0.17),
    (reduction_a(256, 256, 384, 384), "block17", B_V2, 20, 0.1),
    (REDUCTION_B_V2, "block8", C_V2, 10, 0.2),
)

VARIANTS = {
    "inception_resnet_v1": InceptionResNet({"3x3": [(256, 3, 2, "V")]}, V1),
    "inception_resnet_v2": InceptionResNet(
        MIXED_5B, V2, linear_last=True, last=1536, numerics=Numerics(gain=False), dropout=0.0
    ),
}


def features(x: Tensor, net: InceptionResNet, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 and C2 (convolutions) and C3 .. C5 (the last blocks at 35x35, 17x17 and 8x8)."""
    levels = {"C1": chain(x, STEM_1, unit=unit, name="conv1")}
    x = levels["C2"] = chain(levels["C1"], STEM_2, unit=unit, name="conv2")
    if "pool" in net.entry:
        x = unit.max_pool(x, 3, 2, padding="valid", name="pool2")
    x = module(x, net.entry, unit=unit, name="mixed5b")
    for level, (reduction, name, branches, count, scale) in enumerate(net.table, start=3):
        if reduction:
            x = module(x, reduction, unit=unit, name=f"mixed{level + 2}a")
        for i in range(1, count + 1):
            linear = net.linear_last and level == 5 and i == count
            x = residual(x, branches, scale=1.0 if linear else scale, linear=linear, unit=unit, name=f"{name}_{i}")
        levels[f"C{level}"] = x
    return levels | {"C5": unit(x, net.last, 1, name="conv7b") if net.last else x}


HEAD = GLOBAL_POOLING
