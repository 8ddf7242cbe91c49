"""NASNet. Zoph et al. 2017, "Learning Transferable Architectures for Scalable Image Recognition", 1707.07012."""

from dataclasses import KW_ONLY, dataclass

from keras_cnns.blocks.conv import ConvUnit, Numerics
from keras_cnns.blocks.nasnet import normal_cell, reduction_cell
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.errors import BadArgument
from keras_cnns.support.types import Tensor

PAPER = Paper("Zoph et al.", 2017, "Learning Transferable Architectures for Scalable Image Recognition", "1707.07012")


@dataclass(frozen=True)
class NASNet(Variant):
    """NASNet-A (N @ P), as the paper writes it: "NASNet-A (6 @ 4032)".

    Args:
      N: normal cells between two reduction cells.
      P: filters of the last level, 24 times those of a block in the first cells.
      stem: filters of the first convolution.
      skip_reduction: whether the cell after a reduction cell also reads what came before the reduction cell's input.
    """

    N: int
    P: int
    stem: int
    skip_reduction: bool
    _: KW_ONLY
    numerics: Numerics = Numerics(momentum=0.9997)
    initializer: str = "he_normal"


VARIANTS = {
    "nasnet_mobile": NASNet(4, 1056, 32, False),
    "nasnet_large": NASNet(6, 4032, 96, True, input_shape=(331, 331, 3)),
}


def features(x: Tensor, net: NASNet, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1, the first convolution, C2, the first reduction cell, and C3 .. C5, each after N normal cells.

    Raises:
      UserError: P is not a multiple of 96.
    """
    if net.P % 96:
        raise BadArgument(f"P is {net.P}: it must be a multiple of 96.")
    filters = net.P // 24
    x = unit(x, net.stem, 3, stride=2, padding="valid", activation=None, name="stem")
    levels = {"C1": x}
    levels["C2"] = reduction_cell(x, None, filters // 4, halve=False, unit=unit, name="reduction_stem1")
    x, p = reduction_cell(levels["C2"], x, filters // 2, halve=True, unit=unit, name="reduction_stem2"), levels["C2"]
    for stage, n in enumerate(range(0, 3 * net.N, net.N), start=3):
        halve = True  # p is still as large as the picture was before the reduction
        if stage > 3:
            reduced = reduction_cell(x, p, filters, halve=False, unit=unit, name=f"reduction{n}")
            x, p = reduced, p if net.skip_reduction else x
        for i in range(n, n + net.N):
            x, p = normal_cell(x, p, filters, halve=halve, unit=unit, name=f"normal{i}"), x
            halve = False
        filters *= 2
        levels[f"C{stage}"] = x
    return levels | {"C5": unit.act(x, name="last")}


HEAD = GLOBAL_POOLING
