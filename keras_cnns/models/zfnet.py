"""ZFNet. Zeiler & Fergus 2013, "Visualizing and Understanding Convolutional Networks", 1311.2901, Fig. 3."""

from dataclasses import KW_ONLY, dataclass, replace

from keras_cnns.blocks.conv import TORCH, ConvUnit, Numerics
from keras_cnns.blocks.head import fully_connected
from keras_cnns.blocks.normalization import local_contrast_norm, local_response_norm
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Zeiler & Fergus", 2013, "Visualizing and Understanding Convolutional Networks", "1311.2901")


@dataclass(frozen=True)
class ZFNet(Variant):
    """One network.

    Args:
      widths: channels of layers 1 .. 5.
      contrast: the window of the contrast normalization after pools 1 and 2.
      lrn: local response normalization before these pools instead (SPPnet's ZF-5: 1406.4729, Table 1).
    """

    widths: tuple[int, ...] = (96, 256, 384, 384, 256)
    contrast: int = 9
    lrn: bool = False
    _: KW_ONLY
    numerics: Numerics = TORCH
    preprocessing: str = "torch"
    initializer: str = "he_normal"
    dropout: float = 0.5
    min_size: int = 63


VARIANTS = {"zfnet": ZFNet()}


def features(x: Tensor, net: ZFNet, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 (conv1), C3 (conv2), C4 (conv5) and C5 (pool5). The first two poolings round sizes up ("end")."""
    unit = replace(unit, normalized=False)
    w1, w2, w3, w4, w5 = net.widths
    x = layers.ZeroPadding2D(1, name="conv1_pad")(x)
    c1 = unit(x, w1, 7, stride=2, padding="valid", name="conv1")  # 224 -> 110
    x = _pooled(c1, net, unit, 1)  # 55
    c3 = unit(x, w2, 5, stride=2, padding="valid", name="conv2")  # 26
    x = _pooled(c3, net, unit, 2)  # 13
    x = unit(x, w3, 3, name="conv3")
    x = unit(x, w4, 3, name="conv4")
    c4 = unit(x, w5, 3, name="conv5")
    return {"C1": c1, "C3": c3, "C4": c4, "C5": unit.max_pool(c4, 3, 2, padding="valid", name="pool5")}  # 6


def _pooled(x: Tensor, net: ZFNet, unit: ConvUnit, number: int) -> Tensor:
    """A pooling and its normalization."""
    x = local_response_norm(x, name=f"norm{number}") if net.lrn else x
    x = unit.max_pool(x, 3, 2, padding="end", name=f"pool{number}")
    return x if net.lrn else local_contrast_norm(x, size=net.contrast, name=f"norm{number}")


def predict(levels: Levels, net: ZFNet, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """Fully connected layers fc6 and fc7 of 4096 units, and the class scores."""
    return fully_connected(levels.last, net, unit, grid=6, classes=classes, activation=activation)


HEAD = Head(predict)
