"""SPPnet. He et al. 2014, "Spatial Pyramid Pooling in Deep Convolutional Networks ...", 1406.4729, Table 1 and Fig. 3.

The same vector length for any picture: the network is trained at one size and asked at others.
"""

from dataclasses import dataclass, field

from keras_cnns.blocks.head import dropout, predictions
from keras_cnns.blocks.pooling import pyramid_pool
from keras_cnns.family.protocol import Paper, Variant
from keras_cnns.support.lazy_imports import layers

PAPER = Paper(
    "He et al.", 2014, "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition", "1406.4729"
)


@dataclass(frozen=True, kw_only=True)
class SPPNet(Variant):
    """backbone: a name of the registry. columns: of its row, that are other ones. level: what the pyramid pools.

    pyramid: n of its levels of n x n windows. fc: channels of the fully connected layers.
    """

    backbone: str = "zfnet"
    columns: dict = field(default_factory=dict)
    level: str = "C4"
    pyramid: tuple = (6, 3, 2, 1)
    fc: tuple = (4096, 4096)
    dropout: float = 0.5
    min_size: int = 63


VARIANTS = {"sppnet_zf": SPPNet(columns={"lrn": True})}  # ZF-5, whose conv5 is the level before its last pooling


def predict(image, level, net, unit, *, classes, activation):
    """Class scores [B, classes]. level: a level's or layer's name -> its output."""
    x = pyramid_pool(level(net.level), net.pyramid, name="spp")
    for i, width in enumerate(net.fc, start=6):
        x = unit.act(layers.Dense(width, kernel_initializer=unit.initializer, name=f"fc{i}")(x), name=f"fc{i}")
        x = dropout(x, net.dropout, name=f"drop{i}")
    return predictions(x, classes=classes, activation=activation)
