"""Inception v3. Szegedy et al. 2015, "Rethinking the Inception Architecture ...", 1512.00567, Table 1."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

from keras_cnns.blocks.auxiliary import auxiliary_v3
from keras_cnns.blocks.conv import ConvUnit, Numerics
from keras_cnns.blocks.inception import chain, module
from keras_cnns.family.head import GLOBAL_POOLING, Levels
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.types import Tensor

PAPER = Paper("Szegedy et al.", 2015, "Rethinking the Inception Architecture for Computer Vision", "1512.00567")

STEM_1 = [(32, 3, 2, "V"), (32, 3, 1, "V"), (64, 3)]
STEM_2 = [("max", 3, 2, "V"), (80, 1), (192, 3, 1, "V")]


def a(pool: int) -> dict[str, Any]:
    """Fig. 5: a 5x5 branch, and one that two 3x3 replace. pool: channels after the pooling."""
    return {
        "1x1": [(64, 1)],
        "5x5": [(48, 1), (64, 5)],
        "3x3dbl": [(64, 1), (96, 3), (96, 3)],
        "pool": [("avg", 3), (pool, 1)],
    }


def b(n: int) -> dict[str, Any]:
    """Fig. 6: 7x7 factorized into 1x7 and 7x1. n: channels inside the branches."""
    return {
        "1x1": [(192, 1)],
        "7x7": [(n, 1), (n, (1, 7)), (192, (7, 1))],
        "7x7dbl": [(n, 1), (n, (7, 1)), (n, (1, 7)), (n, (7, 1)), (192, (1, 7))],
        "pool": [("avg", 3), (192, 1)],
    }


# Fig. 7: expanded filter banks
C = {
    "1x1": [(320, 1)],
    "3x3": [(384, 1), ((384, (1, 3)), (384, (3, 1)))],
    "3x3dbl": [(448, 1), (384, 3), ((384, (1, 3)), (384, (3, 1)))],
    "pool": [("avg", 3), (192, 1)],
}

# Fig. 10: pooling and strided convolutions side by side
REDUCTION_A = {
    "3x3": [(384, 3, 2, "V")],
    "3x3dbl": [(64, 1), (96, 3), (96, 3, 2, "V")],
    "pool": [("max", 3, 2, "V")],
}
REDUCTION_B = {
    "3x3": [(192, 1), (320, 3, 2, "V")],
    "7x7x3": [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2, "V")],
    "pool": [("max", 3, 2, "V")],
}

# modules 5 at 35x35, 6 at 17x17, 7 at 8x8
TABLE_1: dict[str, dict[str, Any]] = {
    "5b": a(32),
    "5c": a(64),
    "5d": a(64),
    "6a": REDUCTION_A,
    "6b": b(128),
    "6c": b(160),
    "6d": b(160),
    "6e": b(192),
    "7a": REDUCTION_B,
    "7b": C,
    "7c": C,
}


@dataclass(frozen=True)
class InceptionV3(Variant):
    """One network.

    Args:
      table: the modules, under the names of the authors' code.
      auxiliary: one more output, class scores from 17x17 (Fig. 8).
    """

    table: dict[str, dict[str, Any]]
    auxiliary: bool = False
    _: KW_ONLY
    numerics: Numerics = Numerics(gain=False)
    input_shape: tuple[int, int, int] = (299, 299, 3)
    min_size: int = 75
    dropout: float = 0.2


VARIANTS = {"inception_v3": InceptionV3(TABLE_1)}


def features(x: Tensor, net: InceptionV3, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 and C2 (convolutions) and C3 .. C5 (the last modules at 35x35, 17x17 and 8x8)."""
    levels = {"C1": chain(x, STEM_1, unit=unit, name="conv1")}
    levels["C2"] = chain(levels["C1"], STEM_2, unit=unit, name="conv2")
    x = unit.max_pool(levels["C2"], 3, 2, padding="valid", name="pool2")
    for name, branches in net.table.items():
        x = module(x, branches, unit=unit, name=f"mixed{name}")
        levels[f"C{int(name[0]) - 2}"] = x
    return levels


def auxiliary(
    levels: Levels, net: InceptionV3, unit: ConvUnit, *, classes: int, activation: str | None
) -> list[Tensor]:
    """Class scores after the last module at 17x17, where the row asks for them."""
    if not net.auxiliary:
        return []
    return [auxiliary_v3(levels["C4"], unit=unit, classes=classes, activation=activation, name="aux")]


HEAD = replace(GLOBAL_POOLING, auxiliary=auxiliary)
