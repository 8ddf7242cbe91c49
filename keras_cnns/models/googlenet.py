"""GoogLeNet (Inception v1). Szegedy et al. 2014, "Going Deeper with Convolutions", 1409.4842, Table 1."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

from keras_cnns.blocks.auxiliary import auxiliary_v1
from keras_cnns.blocks.conv import TORCH, ConvUnit, Numerics
from keras_cnns.blocks.inception import module
from keras_cnns.blocks.normalization import local_response_norm
from keras_cnns.family.head import GLOBAL_POOLING, Levels
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.types import Tensor

PAPER = Paper("Szegedy et al.", 2014, "Going Deeper with Convolutions", "1409.4842")

# #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj
TABLE_1: dict[str, tuple[int, ...]] = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
AUXILIARY = ("4a", "4d")


@dataclass(frozen=True)
class GoogLeNet(Variant):
    """One form of the network.

    Args:
      table: Table 1, {module: its columns}.
      naive: the modules are those of Fig. 2a.
      batch_norm: a batch normalization follows each convolution; the paper predates it.
      five: the kernel of the "5x5" branch.
      pool4: the window of the pooling before 5a.
      auxiliary: two more outputs, class scores after 4a and 4d. Their loss counts 0.3 in training.
    """

    table: dict[str, tuple[int, ...]]
    naive: bool = False
    batch_norm: bool = False
    five: int = 5
    pool4: int = 3
    auxiliary: bool = False
    _: KW_ONLY
    numerics: Numerics = replace(TORCH, adaptive=False)
    preprocessing: str = "torch"
    initializer: str = "he_normal"
    dropout: float = 0.4
    min_size: int = 31


VARIANTS = {
    "googlenet": GoogLeNet(TABLE_1),
    "googlenet_naive": GoogLeNet(TABLE_1, naive=True),  # 12.6 GMACs instead of 1.6: the reductions save the rest
    "googlenet_bn": GoogLeNet(  # torchvision's
        TABLE_1, batch_norm=True, five=3, pool4=2, numerics=replace(TORCH, epsilon=1e-3), dropout=0.2, min_size=15
    ),
}


def branches(row: tuple[int, ...], net: GoogLeNet) -> dict[str, Any]:
    """The branches of a module: Fig. 2b, or Fig. 2a for the naive version."""
    n1, reduce3, n3, reduce5, n5, proj = row
    if net.naive:
        return {"1x1": [(n1, 1)], "3x3": [(n3, 3)], "5x5": [(n5, net.five)], "pool": [("max", 3)]}
    return {
        "1x1": [(n1, 1)],
        "3x3": [(reduce3, 1), (n3, 3)],
        "5x5": [(reduce5, 1), (n5, net.five)],
        "pool": [("max", 3), (proj, 1)],
    }


def features(x: Tensor, net: GoogLeNet, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 and C2 (convolutions) and C3 .. C5 (3b, 4e, 5b); with `auxiliary` also 4a and 4d.

    The poolings round sizes up.
    """
    unit = replace(unit, normalized=net.batch_norm)
    levels = {"C1": unit(x, 64, 7, stride=2, name="conv1")}
    taps: dict[str, Tensor] = {}
    x = unit.max_pool(levels["C1"], 3, 2, padding="end", name="pool1")
    x = unit(lrn(x, net, name="norm1"), 64, 1, name="conv2_reduce")
    levels["C2"] = unit(x, 192, 3, name="conv2")
    x = unit.max_pool(lrn(levels["C2"], net, name="norm2"), 3, 2, padding="end", name="pool2")
    for name, row in net.table.items():
        x = module(x, branches(row, net), unit=unit, name=f"inception{name}")
        if net.auxiliary and name in AUXILIARY:
            taps[name] = x
        if name == "3b":
            levels["C3"], x = x, unit.max_pool(x, 3, 2, padding="end", name="pool3")
        if name == "4e":
            levels["C4"], x = x, unit.max_pool(x, net.pool4, 2, padding="end", name="pool4")
    return taps | levels | {"C5": x}


def lrn(x: Tensor, net: GoogLeNet, *, name: str) -> Tensor:
    """The local response normalization of the authors' Caffe network, whose alpha is 1e-4 over 5 channels.

    With batch normalization there is none.
    """
    return x if net.batch_norm else local_response_norm(x, k=1.0, alpha=1e-4 / 5, name=name)


def auxiliary(levels: Levels, net: GoogLeNet, unit: ConvUnit, *, classes: int, activation: str | None) -> list[Tensor]:
    """Class scores after 4a and 4d, where the row asks for them."""
    if not net.auxiliary:
        return []
    unit = replace(unit, normalized=net.batch_norm)
    return [
        auxiliary_v1(levels[at], unit=unit, classes=classes, activation=activation, name=f"aux{i}")
        for i, at in enumerate(AUXILIARY, start=1)
    ]


HEAD = replace(GLOBAL_POOLING, auxiliary=auxiliary)
