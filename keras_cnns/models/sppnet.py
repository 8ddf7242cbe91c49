"""SPPnet. He et al. 2014, "Spatial Pyramid Pooling in Deep Convolutional Networks ...", 1406.4729, Table 1 and Fig. 3.

The pyramid makes a vector of the same length from a picture of any size.
"""

from dataclasses import dataclass

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.head import dropout, predictions
from keras_cnns.blocks.pooling import pyramid_pool
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import OnBackbone, Paper
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper(
    "He et al.", 2014, "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition", "1406.4729"
)


@dataclass(frozen=True, kw_only=True)
class SPPNet(OnBackbone):
    """One network.

    Args:
      level: the level that the pyramid pools.
      pyramid: n for each of its levels of n x n windows.
      fc: units of the fully connected layers before the class scores.
    """

    backbone: str = "zfnet"
    level: str = "C4"
    pyramid: tuple[int, ...] = (6, 3, 2, 1)
    fc: tuple[int, ...] = (4096, 4096)
    dropout: float = 0.5
    min_size: int = 63


VARIANTS = {"sppnet_zf": SPPNet(columns={"lrn": True})}  # ZF-5; C4 is its conv5


def predict(levels: Levels, net: SPPNet, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """Class scores [batch, classes]."""
    x = pyramid_pool(levels[net.level], net.pyramid, name="spp")
    for i, width in enumerate(net.fc, start=6):
        x = unit.act(layers.Dense(width, kernel_initializer=unit.initializer, name=f"fc{i}")(x), name=f"fc{i}")
        x = dropout(x, net.dropout, name=f"drop{i}")
    return predictions(x, classes=classes, activation=activation)


HEAD = Head(predict)
