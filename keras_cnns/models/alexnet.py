"""AlexNet. Krizhevsky et al. 2012, "ImageNet Classification with Deep Convolutional Neural Networks", Fig. 2."""

from dataclasses import KW_ONLY, dataclass, replace

from keras_cnns.blocks.conv import TORCH, Numerics
from keras_cnns.blocks.head import fully_connected
from keras_cnns.blocks.normalization import local_response_norm
from keras_cnns.family.protocol import Paper, Variant
from keras_cnns.support.lazy_imports import layers

PAPER = Paper("Krizhevsky et al.", 2012, "ImageNet Classification with Deep Convolutional Neural Networks", "NIPS 25")
PAPERS = {
    "alexnet_v2": Paper(
        "Krizhevsky", 2014, "One weird trick for parallelizing convolutional neural networks", "1404.5997"
    )
}


@dataclass(frozen=True)
class AlexNet(Variant):
    """widths: channels of conv1 .. conv5. groups: their towers; conv3 sees both. lrn: after conv1 and conv2."""

    widths: tuple = (96, 256, 384, 384, 256)
    groups: tuple = (1, 2, 1, 2, 2)
    lrn: bool = True
    pad: int = 0  # zeros around the picture
    _: KW_ONLY
    numerics: Numerics = TORCH
    preprocessing: str = "torch"
    initializer: str = "he_normal"
    dropout: float = 0.5
    input_shape: tuple = (227, 227, 3)
    min_size: int = 67


VARIANTS = {
    "alexnet": AlexNet(),
    "alexnet_one_tower": AlexNet(groups=(1, 1, 1, 1, 1)),
    "alexnet_v2": AlexNet(
        (64, 192, 384, 256, 256), (1, 1, 1, 1, 1), lrn=False, pad=2, input_shape=(224, 224, 3), min_size=63
    ),
}


def features(x, net, unit):
    """Levels C2 (conv1), C3 (conv2), C4 (conv5) and C5 (pool5). Poolings are 3x3 with stride 2: they overlap."""
    unit = replace(unit, normalized=False)
    if net.pad:
        x = layers.ZeroPadding2D(net.pad, name="conv1_pad")(x)
    kernels, levels = (11, 5, 3, 3, 3), {}
    for i, (width, kernel, groups) in enumerate(zip(net.widths, kernels, net.groups, strict=True), start=1):
        stride, padding = (4, "valid") if i == 1 else (1, None)
        x = unit(x, width, kernel, stride=stride, groups=groups, padding=padding, name=f"conv{i}")
        if net.lrn and i <= 2:
            x = local_response_norm(x, name=f"norm{i}")
        if i in (1, 2, 5):
            levels[f"C{len(levels) + 2}"] = x
            x = unit.max_pool(x, 3, 2, padding="valid", name=f"pool{i}")
    return levels | {"C5": x}


def head(x, net, unit, *, classes, activation):
    """FC 4096, 4096, classes."""
    return fully_connected(x, net, unit, grid=6, classes=classes, activation=activation)
