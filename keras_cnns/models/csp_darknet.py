"""CSPDarknet, the backbone of YOLOX. Ge et al. 2021, "YOLOX: Exceeding YOLO Series in 2021", 2107.08430, section 2.2.

The authors have no classifier of it: as one, it ends in global pooling and one dense layer, and has no published
weights. Their first layer, Focus, moves each 2x2 pixels into the channels, and a 3x3 convolution reads those. Here a
6x6 convolution of stride 2 reads the pixels: the same sums with the same number of weights.
"""

from dataclasses import dataclass
from typing import Any

from keras_cnns.blocks.conv import ConvUnit, Numerics
from keras_cnns.blocks.csp import csp_stage, pyramid_pool, spatial
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.types import Tensor

PAPER = Paper("Ge et al.", 2021, "YOLOX: Exceeding YOLO Series in 2021", "2107.08430")
NUMERICS = Numerics(padding="symmetric", epsilon=1e-3, momentum=0.97)
BLOCKS = {2: 3, 3: 9, 4: 9, 5: 3}  # bottlenecks of the stages at depth 1


@dataclass(frozen=True, kw_only=True)
class CSPDarknet(Variant):
    """One network.

    Args:
      depth: factor on the number of bottlenecks of each stage.
      width: factor on the number of channels.
      depthwise: whether the 3x3 convolutions after the first are depthwise-separable.
    """

    depth: float = 1.0
    width: float = 1.0
    depthwise: bool = False
    numerics: Numerics = NUMERICS
    activation: str = "swish"
    initializer: str = "he_uniform"
    preprocessing: str = "bgr"


VARIANTS = {"csp_darknet": CSPDarknet()}


def features(x: Tensor, net: CSPDarknet, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1, the stem, and C2 .. C5, the outputs of the stages (dark2 .. dark5)."""
    options: dict[str, Any] = {"depthwise": net.depthwise, "unit": unit}
    x = unit(x, int(64 * net.width), 6, stride=2, padding="same", name="stem")
    levels = {"C1": x}
    base = max(round(3 * net.depth), 1)
    for level, blocks in BLOCKS.items():
        filters, name = 2 ** (level - 1) * int(64 * net.width), f"stage{level}"
        x = spatial(x, filters, stride=2, **options, name=f"{name}_down")
        if level == 5:
            x = pyramid_pool(x, filters, unit=unit, name=f"{name}_spp")
        x = csp_stage(x, filters, base * (blocks // 3), shortcut=level < 5, **options, name=name)
        levels[f"C{level}"] = x
    return levels


HEAD = GLOBAL_POOLING
