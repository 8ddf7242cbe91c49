"""Inception v2 (BN-Inception). Ioffe & Szegedy 2015, "Batch Normalization: Accelerating ...", 1502.03167, Fig. 5."""

from dataclasses import KW_ONLY, dataclass, replace

from keras_cnns.blocks.conv import TORCH, Numerics
from keras_cnns.blocks.inception import module
from keras_cnns.family.protocol import Paper, Variant

PAPER = Paper(
    "Ioffe & Szegedy",
    2015,
    "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
    "1502.03167",
)

# #1x1, #3x3 reduce, #3x3, double #3x3 reduce, double #3x3, pool + proj; stride 2 where #1x1 is 0
FIG_5 = {
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
    """table: Fig. 5's rows."""

    table: dict
    _: KW_ONLY
    numerics: Numerics = replace(TORCH, conv_bias=True)  # as in the published Caffe network, also its rounding up
    preprocessing: str = "torch"
    initializer: str = "he_normal"


VARIANTS = {"inception_v2": InceptionV2(FIG_5)}


def branches(n1, reduce3, n3, reduce_double, double, pool, proj):
    """The 5x5 of GoogLeNet's modules is two 3x3. With stride 2: no 1x1, and the pooling passes its input through."""
    if not n1:
        return {
            "3x3": [(reduce3, 1), (n3, 3, 2)],
            "3x3dbl": [(reduce_double, 1), (double, 3), (double, 3, 2)],
            "pool": [(pool, 3, 2, "same")],  # rounds up, as the convolutions beside it do
        }
    return {
        "1x1": [(n1, 1)],
        "3x3": [(reduce3, 1), (n3, 3)],
        "3x3dbl": [(reduce_double, 1), (double, 3), (double, 3)],
        "pool": [(pool, 3), (proj, 1)],
    }


def features(x, net, unit):
    """Levels C1 and C2 (convolutions), C3 .. C5 (what enters the next stride, and 5b)."""
    levels = {"C1": unit(x, 64, 7, stride=2, name="conv1")}
    x = unit.max_pool(levels["C1"], 3, 2, padding="end", name="pool1")
    levels["C2"] = unit(unit(x, 64, 1, name="conv2_reduce"), 192, 3, name="conv2")
    x = unit.max_pool(levels["C2"], 3, 2, padding="end", name="pool2")
    for name, row in net.table.items():
        if not row[0]:
            levels[f"C{len(levels) + 1}"] = x
        x = module(x, branches(*row), unit=unit, name=f"inception{name}")
    return levels | {"C5": x}
