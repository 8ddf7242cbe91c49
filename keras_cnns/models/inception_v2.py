"""Inception v2 (BN-Inception). Ioffe & Szegedy 2015, "Batch Normalization: Accelerating ...", 1502.03167, Fig. 5."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

from keras_cnns.blocks.conv import TORCH, ConvUnit, Numerics
from keras_cnns.blocks.inception import module
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.types import Tensor

PAPER = Paper(
    "Ioffe & Szegedy",
    2015,
    "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
    "1502.03167",
)

# #1x1, #3x3 reduce, #3x3, double #3x3 reduce, double #3x3, pool + proj; the stride is 2 where #1x1 is 0
FIG_5: dict[str, tuple[Any, ...]] = {
    "3a": (64, 64, 64, 64, 96, "avg", 32),
    "3b": (64, 64, 96, 64, 96, "avg", 64),
    "3c": (0, 128, 160, 64, 96, "max", 0),
    "4a": (224, 64, 96, 96, 128, "avg", 128),
    "4b": (192, 96, 128, 96, 128, "avg", 128),
    "4c": (160, 128, 160, 128, 160, "avg", 128),
    "4d": (96, 128, 192, 160, 192, "avg", 128),
    "4e": (0, 128, 192, 192, 256, "max", 0),
    "5a": (352, 192, 320, 160, 224, "avg", 128),
    "5b": (352, 192, 320, 192, 224, "max", 128),
}


@dataclass(frozen=True)
class InceptionV2(Variant):
    """One network; `table` holds the rows of Fig. 5."""

    table: dict[str, tuple[Any, ...]]
    _: KW_ONLY
    numerics: Numerics = replace(TORCH, conv_bias=True)  # as in the published Caffe network
    preprocessing: str = "torch"
    initializer: str = "he_normal"


VARIANTS = {"inception_v2": InceptionV2(FIG_5)}


def branches(n1: int, reduce3: int, n3: int, reduce_double: int, double: int, pool: str, proj: int) -> dict[str, Any]:
    """The branches of a module. Two 3x3 replace the 5x5 of GoogLeNet's modules.

    With stride 2 there is no 1x1 branch, and no convolution follows the pooling.
    """
    if not n1:
        return {
            "3x3": [(reduce3, 1), (n3, 3, 2)],
            "3x3dbl": [(reduce_double, 1), (double, 3), (double, 3, 2)],
            "pool": [(pool, 3, 2, "same")],  # rounds sizes up, as the convolutions do
        }
    return {
        "1x1": [(n1, 1)],
        "3x3": [(reduce3, 1), (n3, 3)],
        "3x3dbl": [(reduce_double, 1), (double, 3), (double, 3)],
        "pool": [(pool, 3), (proj, 1)],
    }


def features(x: Tensor, net: InceptionV2, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 and C2 (convolutions), C3 and C4 (the inputs of the strided modules 3c and 4e), and C5 (5b)."""
    levels = {"C1": unit(x, 64, 7, stride=2, name="conv1")}
    x = unit.max_pool(levels["C1"], 3, 2, padding="end", name="pool1")
    levels["C2"] = unit(unit(x, 64, 1, name="conv2_reduce"), 192, 3, name="conv2")
    x = unit.max_pool(levels["C2"], 3, 2, padding="end", name="pool2")
    for name, row in net.table.items():
        if not row[0]:
            levels[f"C{len(levels) + 1}"] = x
        x = module(x, branches(*row), unit=unit, name=f"inception{name}")
    return levels | {"C5": x}


HEAD = GLOBAL_POOLING
