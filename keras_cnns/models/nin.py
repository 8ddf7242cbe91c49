"""NiN. Lin et al. 2013, "Network In Network", 1312.4400, section 4; ImageNet: the authors' Caffe network."""

from dataclasses import KW_ONLY, dataclass, replace

from keras_cnns.blocks.conv import TORCH, Numerics
from keras_cnns.blocks.head import dropout, score_dtype
from keras_cnns.family.protocol import Paper, Variant
from keras_cnns.support.lazy_imports import layers

PAPER = Paper("Lin et al.", 2013, "Network In Network", "1312.4400")

# mlpconv layers: kernel and stride, channels of the convolution and of its two 1x1 layers, then pooling and dropout;
# the very last 1x1 layer has one map a class
IMAGENET = (
    (11, 4, (96, 96, 96), "max", False),
    (5, 1, (256, 256, 256), "max", False),
    (3, 1, (384, 384, 384), "max", True),
    (3, 1, (1024, 1024), None, False),
)
CIFAR = (
    (5, 1, (192, 160, 96), "max", True),
    (5, 1, (192, 192, 192), "avg", True),
    (3, 1, (192, 192), None, False),
)


@dataclass(frozen=True)
class NiN(Variant):
    """mlpconvs: see above. Global average pooling stands where others have fully connected layers."""

    mlpconvs: tuple
    _: KW_ONLY
    numerics: Numerics = TORCH
    preprocessing: str = "torch"
    initializer: str = "he_normal"
    dropout: float = 0.5


VARIANTS = {
    "nin": NiN(IMAGENET, min_size=39),
    "nin_cifar": NiN(CIFAR, input_shape=(32, 32, 3), classes=10, min_size=8),
}


def features(x, net, unit):
    """Levels by their stride, C2 .. C5 (ImageNet) or C0 .. C2 (CIFAR): the mlpconv layers. Poolings round sizes up."""
    unit = replace(unit, normalized=False)
    levels, level = {}, 0
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


def head(x, net, unit, *, classes, activation):
    """The last 1x1 layer, one map a class, and the mean of each map."""
    x = replace(unit, normalized=False)(x, classes, 1, name="predictions")
    x = layers.GlobalAveragePooling2D(dtype=score_dtype(), name="avg_pool")(x)
    return x if activation is None else layers.Activation(activation, dtype=score_dtype(), name=activation)(x)
