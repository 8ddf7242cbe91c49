"""Inception v4. Szegedy et al. 2016, "Inception-v4, Inception-ResNet and the Impact of ...", 1602.07261, Fig. 9."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from keras_cnns.blocks.conv import ConvUnit, Numerics
from keras_cnns.blocks.inception import chain, module
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.types import Tensor

PAPER = Paper(
    "Szegedy et al.",
    2016,
    "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
    "1602.07261",
)

# Fig. 3
STEM = [(32, 3, 2, "V"), (32, 3, 1, "V"), (64, 3)]
STEM_3A = {"pool": [("max", 3, 2, "V")], "3x3": [(96, 3, 2, "V")]}
STEM_4A = {
    "3x3": [(64, 1), (96, 3, 1, "V")],
    "7x7": [(64, 1), (64, (1, 7)), (64, (7, 1)), (96, 3, 1, "V")],
}
STEM_5A = {"3x3": [(192, 3, 2, "V")], "pool": [("max", 3, 2, "V")]}

# Fig. 4, 5, 6
A = {
    "1x1": [(96, 1)],
    "3x3": [(64, 1), (96, 3)],
    "3x3dbl": [(64, 1), (96, 3), (96, 3)],
    "pool": [("avg", 3), (96, 1)],
}
B = {
    "1x1": [(384, 1)],
    "7x7": [(192, 1), (224, (1, 7)), (256, (7, 1))],
    "7x7dbl": [(192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7))],
    "pool": [("avg", 3), (128, 1)],
}
C = {
    "1x1": [(256, 1)],
    "3x3": [(384, 1), ((256, (1, 3)), (256, (3, 1)))],
    "3x3dbl": [(384, 1), (448, (3, 1)), (512, (1, 3)), ((256, (1, 3)), (256, (3, 1)))],
    "pool": [("avg", 3), (256, 1)],
}


def reduction_a(k: int, l: int, m: int, n: int) -> dict[str, Any]:  # noqa: E741 (the letters of Table 1)
    """Fig. 7, from 35x35 to 17x17."""
    return {
        "3x3": [(n, 3, 2, "V")],
        "3x3dbl": [(k, 1), (l, 3), (m, 3, 2, "V")],
        "pool": [("max", 3, 2, "V")],
    }


# Fig. 8, from 17x17 to 8x8
REDUCTION_B = {
    "3x3": [(192, 1), (192, 3, 2, "V")],
    "7x7": [(256, 1), (256, (1, 7)), (320, (7, 1)), (320, 3, 2, "V")],
    "pool": [("max", 3, 2, "V")],
}

FIG_9: dict[str, dict[str, Any]] = {
    "3a": STEM_3A,
    "4a": STEM_4A,
    "5a": STEM_5A,
    **dict.fromkeys(("5b", "5c", "5d", "5e"), A),
    "6a": reduction_a(192, 224, 256, 384),
    **dict.fromkeys(("6b", "6c", "6d", "6e", "6f", "6g", "6h"), B),
    "7a": REDUCTION_B,
    **dict.fromkeys(("7b", "7c", "7d"), C),
}


@dataclass(frozen=True)
class InceptionV4(Variant):
    """One network; `table` holds its modules by name, those of the stem included."""

    table: dict[str, dict[str, Any]]
    _: KW_ONLY
    numerics: Numerics = Numerics(momentum=0.9)
    input_shape: tuple[int, int, int] = (299, 299, 3)
    min_size: int = 75
    dropout: float = 0.2


VARIANTS = {"inception_v4": InceptionV4(FIG_9)}


def features(x: Tensor, net: InceptionV4, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 (before 3a), C2 (4a) and C3 .. C5 (the last modules at 35x35, 17x17 and 8x8)."""
    x = chain(x, STEM, unit=unit, name="conv1")
    levels = {"C1": x}
    for name, branches in net.table.items():
        x = module(x, branches, unit=unit, name=f"mixed{name}")
        levels[f"C{max(2, int(name[0]) - 2)}"] = x
    return levels


HEAD = GLOBAL_POOLING
