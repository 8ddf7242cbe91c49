"""AlexNet. Krizhevsky et al. 2012, "ImageNet Classification with Deep Convolutional Neural Networks", Fig. 2."""

from dataclasses import KW_ONLY, dataclass, replace

from keras_cnns.blocks.conv import TORCH, ConvUnit, Numerics
from keras_cnns.blocks.head import fully_connected
from keras_cnns.blocks.normalization import local_response_norm
from keras_cnns.family.head import Head, Levels
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Krizhevsky et al.", 2012, "ImageNet Classification with Deep Convolutional Neural Networks", "NIPS 25")
ONE_WEIRD_TRICK = Paper(
    "Krizhevsky", 2014, "One weird trick for parallelizing convolutional neural networks", "1404.5997"
)


@dataclass(frozen=True)
class AlexNet(Variant):
    """One network of the paper.

    Args:
      widths: channels of conv1 .. conv5.
      groups: groups of each convolution. The paper splits conv2, conv4 and conv5 over two GPUs.
      lrn: local response normalization follows conv1 and conv2.
      pad: rows and columns of zeros around the picture.
    """

    widths: tuple[int, ...] = (96, 256, 384, 384, 256)
    groups: tuple[int, ...] = (1, 2, 1, 2, 2)
    lrn: bool = True
    pad: int = 0
    _: KW_ONLY
    numerics: Numerics = TORCH
    preprocessing: str = "torch"
    initializer: str = "he_normal"
    dropout: float = 0.5
    input_shape: tuple[int, int, int] = (227, 227, 3)
    min_size: int = 67


VARIANTS = {
    "alexnet": AlexNet(),
    "alexnet_one_tower": AlexNet(groups=(1, 1, 1, 1, 1)),
    "alexnet_v2": AlexNet(
        (64, 192, 384, 256, 256),
        (1, 1, 1, 1, 1),
        lrn=False,
        pad=2,
        input_shape=(224, 224, 3),
        min_size=63,
        paper=ONE_WEIRD_TRICK,
    ),
}


def features(x: Tensor, net: AlexNet, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C2 (conv1), C3 (conv2), C4 (conv5) and C5 (pool5). The 3x3 poolings with stride 2 overlap."""
    unit = replace(unit, normalized=False)
    if net.pad:
        x = layers.ZeroPadding2D(net.pad, name="conv1_pad")(x)
    kernels = (11, 5, 3, 3, 3)
    levels: dict[str, Tensor] = {}
    for i, (width, kernel, groups) in enumerate(zip(net.widths, kernels, net.groups, strict=True), start=1):
        stride, padding = (4, "valid") if i == 1 else (1, None)
        x = unit(x, width, kernel, stride=stride, groups=groups, padding=padding, name=f"conv{i}")
        if net.lrn and i <= 2:
            x = local_response_norm(x, name=f"norm{i}")
        if i in (1, 2, 5):
            levels[f"C{len(levels) + 2}"] = x
            x = unit.max_pool(x, 3, 2, padding="valid", name=f"pool{i}")
    return levels | {"C5": x}


def predict(levels: Levels, net: AlexNet, unit: ConvUnit, *, classes: int, activation: str | None) -> Tensor:
    """Fully connected layers fc6 and fc7 of 4096 units, and the class scores."""
    return fully_connected(levels.last, net, unit, grid=6, classes=classes, activation=activation)


HEAD = Head(predict)
