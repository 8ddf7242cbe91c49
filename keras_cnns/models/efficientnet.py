"""EfficientNet. Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for CNNs", 1905.11946, Table 1."""

import math
from dataclasses import KW_ONLY, dataclass

from keras_cnns.blocks.mbconv import mbconv, round_channels
from keras_cnns.family import Paper, Variant

PAPER = Paper(
    "Tan & Le", 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", "1905.11946"
)

# B0, stages 2 to 8: expand ratio, kernel, stride, channels, layers (all with squeeze-excitation)
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
    """width, depth: multipliers of B0's channels and layers. drop_connect: rises linearly from 0 to this."""

    width: float
    depth: float
    table: tuple = TABLE_1
    stem: int = 32
    last: int = 1280
    se_ratio: float = 0.25
    drop_connect: float = 0.2
    _: KW_ONLY
    activation: str = "swish"
    preprocessing: str = "torch"


def row(width, depth, resolution, dropout):
    """A published row; its columns in the published order."""
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


def features(x, net, unit):
    """Levels C1 .. C5: what enters the next stride, and stage 9's 1x1 convolution."""
    x = unit(x, round_channels(net.stem * net.width), 3, stride=2, name="stem")
    total, done, levels = sum(math.ceil(n * net.depth) for *_, n in net.table), 0, {}
    for stage, (expand_ratio, kernel, s, channels, n) in enumerate(net.table, start=2):
        for i in range(math.ceil(n * net.depth)):
            stride = s if i == 0 else 1
            if stride == 2:
                levels[f"C{len(levels) + 1}"] = x
            x = mbconv(
                x,
                round_channels(channels * net.width),
                kernel=kernel,
                stride=stride,
                expand_ratio=expand_ratio,
                se_ratio=net.se_ratio,
                drop_rate=net.drop_connect * done / total,
                unit=unit,
                name=f"stage{stage}_block{i + 1}",
            )
            done += 1
    x = unit(x, round_channels(net.last * net.width), 1, name="last")
    return levels | {f"C{len(levels) + 1}": x}
