"""EfficientNet. Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for CNNs", 1905.11946, Table 1."""

import math
from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.mbconv import mbconv, round_channels
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.types import Tensor

PAPER = Paper(
    "Tan & Le", 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", "1905.11946"
)

# B0, stages 2 to 8, all with squeeze-and-excitation: expand ratio, kernel, stride, channels, layers
TABLE_1 = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


@dataclass(frozen=True)
class EfficientNet(Variant):
    """One of the scaled networks.

    Args:
      width: multiplier of B0's channels.
      depth: multiplier of B0's layers.
      table: the rows of Table 1.
      stem: channels of stage 1.
      last: channels of stage 9's 1x1 convolution.
      se_ratio: squeezed channels as a fraction of the block's input channels; 0 for no squeeze-and-excitation.
      drop_connect: rate at which whole blocks are dropped; it rises linearly from 0 to this in the last block.
      fixed_ends: the stem, the last 1x1 convolution, and the depth of the first and the last stage are not scaled.
    """

    width: float
    depth: float
    table: tuple[tuple[int, ...], ...] = TABLE_1
    stem: int = 32
    last: int = 1280
    se_ratio: float = 0.25
    drop_connect: float = 0.2
    fixed_ends: bool = False
    _: KW_ONLY
    activation: str = "swish"
    preprocessing: str = "torch"


def row(width: float, depth: float, resolution: int, dropout: float) -> EfficientNet:
    """A row with its columns in the order in which the authors' code lists them."""
    return EfficientNet(width, depth, input_shape=(resolution, resolution, 3), dropout=dropout)


VARIANTS = {
    "efficientnet_b0": row(1.0, 1.0, 224, 0.2),
    "efficientnet_b1": row(1.0, 1.1, 240, 0.2),
    "efficientnet_b2": row(1.1, 1.2, 260, 0.3),
    "efficientnet_b3": row(1.2, 1.4, 300, 0.3),
    "efficientnet_b4": row(1.4, 1.8, 380, 0.4),
    "efficientnet_b5": row(1.6, 2.2, 456, 0.4),
    "efficientnet_b6": row(1.8, 2.6, 528, 0.5),
    "efficientnet_b7": row(2.0, 3.1, 600, 0.5),
}


class Scale(NamedTuple):
    """Multipliers of B0's depth, width and resolution."""

    depth: float
    width: float
    resolution: float

    @property
    def side(self) -> int:
        """The resolution in pixels."""
        return round(224 * self.resolution)


def compound_scaling(phi: float, *, alpha: float = 1.2, beta: float = 1.1, gamma: float = 1.15) -> Scale:
    """Equation 3: depth alpha**phi, width beta**phi and resolution gamma**phi, for about 2**phi times the operations.

    >>> scale = compound_scaling(2.5)
    >>> shape = (scale.side, scale.side, 3)
    >>> model = keras_cnns.build("efficientnet_b0", depth=scale.depth, width=scale.width, input_shape=shape)

    The published B1 .. B7 are rounded from phi = 0.5, 1, 2, 3.5, 5, 6, 7.
    """
    return Scale(alpha**phi, beta**phi, gamma**phi)


def features(x: Tensor, net: EfficientNet, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 .. C4, the inputs of the strided blocks, and C5, the output of stage 9's 1x1 convolution."""
    ends = 1.0 if net.fixed_ends else net.width
    x = unit(x, round_channels(net.stem * ends), 3, stride=2, name="stem")
    depths, done = layers_per_stage(net), 0
    levels: dict[str, Tensor] = {}
    for stage, ((expand_ratio, kernel, s, channels, _), depth) in enumerate(
        zip(net.table, depths, strict=True), start=2
    ):
        for i in range(depth):
            stride = s if i == 0 else 1
            if stride == 2:
                levels[f"C{len(levels) + 1}"] = x
            x = mbconv(
                x,
                round_channels(channels * net.width),
                kernel=kernel,
                stride=stride,
                expand_ratio=expand_ratio,
                squeezed=max(1, int(x.shape[-1] * net.se_ratio)) if net.se_ratio else 0,
                drop_rate=net.drop_connect * done / sum(depths),
                unit=unit,
                name=f"stage{stage}_block{i + 1}",
            )
            done += 1
    x = unit(x, round_channels(net.last * ends), 1, name="last")
    return levels | {f"C{len(levels) + 1}": x}


def layers_per_stage(net: EfficientNet) -> list[int]:
    """The numbers of layers in the table, scaled by `net.depth` and rounded up."""
    depths = [math.ceil(n * net.depth) for *_, n in net.table]
    if net.fixed_ends:
        depths[0], depths[-1] = net.table[0][-1], net.table[-1][-1]
    return depths


HEAD = GLOBAL_POOLING
