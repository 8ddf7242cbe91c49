"""NiN. Lin et al. 2013, "Network In Network", 1312.4400, section 4; ImageNet: the authors' Caffe network."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

from keras_cnns.blocks.conv import TORCH, ConvUnit, Numerics
from keras_cnns.blocks.head import dropout, score_dtype
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Lin et al.", 2013, "Network In Network", "1312.4400")

# mlpconv layers: kernel, stride, channels of the convolution and of its two 1x1 layers, pooling, dropout
# the head adds the last 1x1 layer, whose channels are the classes
IMAGENET: tuple[tuple[Any, ...], ...] = (
    (11, 4, (96, 96, 96), "max", False),
    (5, 1, (256, 256, 256), "max", False),
    (3, 1, (384, 384, 384), "max", True),
    (3, 1, (1024, 1024), None, False),
)
CIFAR: tuple[tuple[Any, ...], ...] = (
    (5, 1, (192, 160, 96), "max", True),
    (5, 1, (192, 192, 192), "avg", True),
    (3, 1, (192, 192), None, False),
)


@dataclass(frozen=True)
class NiN(Variant):
    """One network; `mlpconvs` holds its mlpconv layers, with the columns above."""

    mlpconvs: tuple[tuple[Any, ...], ...]
    _: KW_ONLY
    numerics: Numerics = TORCH
    preprocessing: str = "torch"
    initializer: str = "he_normal"
    dropout: float = 0.5


VARIANTS = {
    "nin": NiN(IMAGENET, min_size=39),
    "nin_cifar": NiN(CIFAR, input_shape=(32, 32, 3), classes=10, min_size=8),
}


def features(x: Tensor, net: NiN, unit: ConvUnit) -> dict[str, Tensor]:
    """The outputs of the mlpconv layers: levels C2 .. C5 (ImageNet) or C0 .. C2 (CIFAR). Poolings round sizes up."""
    unit = replace(unit, normalized=False)
    level = 0
    levels: dict[str, Tensor] = {}
    for i, (kernel, stride, widths, pooling, drop) in enumerate(net.mlpconvs, start=1):
        x = unit(x, widths[0], kernel, stride=stride, padding="valid" if stride > 1 else None, name=f"conv{i}")
        level += stride // 2
        for j, width in enumerate(widths[1:], start=1):
            x = unit(x, width, 1, name=f"conv{i}_cccp{j}")
        levels[f"C{level}"] = x
        if pooling:
            pool = unit.max_pool if pooling == "max" else unit.average_pool
            x = pool(x, 3, 2, padding="end", name=f"pool{i}")
        level += pooling is not None
        x = dropout(x, net.dropout * drop, name=f"drop{i}")
    return levels


def predict(levels: Levels, net: NiN, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """The last 1x1 layer, with a map for each class, and global average pooling over each map."""
    x = replace(unit, normalized=False)(levels.last, classes, 1, name="predictions")
    x = layers.GlobalAveragePooling2D(dtype=score_dtype(), name="avg_pool")(x)
    return x if activation is None else layers.Activation(activation, dtype=score_dtype(), name=activation)(x)


HEAD = Head(predict)
