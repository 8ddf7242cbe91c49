"""GoogLeNet (Inception v1). Szegedy et al. 2014, "Going Deeper with Convolutions", 1409.4842, Table 1."""

from dataclasses import KW_ONLY, dataclass, replace

from keras_cnns.blocks.auxiliary import auxiliary_v1
from keras_cnns.blocks.conv import TORCH, Numerics
from keras_cnns.blocks.inception import module
from keras_cnns.blocks.normalization import local_response_norm
from keras_cnns.family.protocol import Paper, Variant

PAPER = Paper("Szegedy et al.", 2014, "Going Deeper with Convolutions", "1409.4842")

# #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj
TABLE_1 = {
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
    """naive: modules as in Fig. 2a. five: the kernel of the "5x5" branch. pool4: the window of the pooling before 5a.

    auxiliary: two more outputs, class scores after 4a and 4d, whose loss counts 0.3 while training.
    """

    table: dict
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
    "googlenet_naive": GoogLeNet(TABLE_1, naive=True),  # 1.6 GMACs become 12.6: what the reductions are for
    "googlenet_bn": GoogLeNet(  # as torchvision has it
        TABLE_1, batch_norm=True, five=3, pool4=2, numerics=replace(TORCH, epsilon=1e-3), dropout=0.2, min_size=15
    ),
}


def branches(row, net):
    """Fig. 2b, or the naive version, Fig. 2a."""
    n1, reduce3, n3, reduce5, n5, proj = row
    if net.naive:
        return {"1x1": [(n1, 1)], "3x3": [(n3, 3)], "5x5": [(n5, net.five)], "pool": [("max", 3)]}
    return {
        "1x1": [(n1, 1)],
        "3x3": [(reduce3, 1), (n3, 3)],
        "5x5": [(reduce5, 1), (n5, net.five)],
        "pool": [("max", 3), (proj, 1)],
    }


def features(x, net, unit):
    """Levels C1 and C2 (convolutions), C3 .. C5 (3b, 4e, 5b); with `auxiliary` also 4a and 4d. Poolings round up."""
    unit = replace(unit, normalized=net.batch_norm)
    levels, taps = {"C1": unit(x, 64, 7, stride=2, name="conv1")}, {}
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


def lrn(x, net, *, name):
    """As in the authors' Caffe network, whose alpha is 1e-4 over 5 channels; batch normalization came in its place."""
    return x if net.batch_norm else local_response_norm(x, k=1.0, alpha=1e-4 / 5, name=name)


def auxiliary(levels, net, unit, *, classes, activation):
    """Class scores after 4a and 4d."""
    unit = replace(unit, normalized=net.batch_norm)
    return [
        auxiliary_v1(levels[at], unit=unit, classes=classes, activation=activation, name=f"aux{i}")
        for i, at in enumerate(AUXILIARY, start=1)
    ]
