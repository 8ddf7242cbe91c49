"""Xception. Chollet 2016, "Xception: Deep Learning with Depthwise Separable Convolutions", 1610.02357, Fig. 5."""

from dataclasses import KW_ONLY, dataclass

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.separable import separable
from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import Paper, Variant
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

PAPER = Paper("Chollet", 2016, "Xception: Deep Learning with Depthwise Separable Convolutions", "1610.02357")


@dataclass(frozen=True)
class Xception(Variant):
    """The network, as channels of its separable convolutions.

    Args:
      entry: blocks with stride 2.
      middle: blocks without stride.
      exit: one more block with stride 2, and the convolutions after it.
    """

    entry: tuple[tuple[int, ...], ...] = ((128, 128), (256, 256), (728, 728))
    middle: tuple[tuple[int, ...], ...] = ((728, 728, 728),) * 8
    exit: tuple[tuple[int, ...], ...] = ((728, 1024), (1536, 2048))
    _: KW_ONLY
    input_shape: tuple[int, int, int] = (299, 299, 3)
    min_size: int = 71
    dropout: float = 0.5


VARIANTS = {"xception": Xception()}


def features(x: Tensor, net: Xception, unit: ConvUnit) -> dict[str, Tensor]:
    """Levels C1 .. C4, the inputs of the strided blocks, and C5, the end."""
    x = unit(x, 32, 3, stride=2, padding="valid", name="block1_conv1")
    x = unit(x, 64, 3, padding="valid", name="block1_conv2")
    levels = {"C1": x}
    *down, last = net.entry + net.middle + net.exit
    for i, widths in enumerate(down, start=2):
        stride = 1 if widths in net.middle else 2
        x = block(x, widths, stride=stride, relu_first=i > 2, unit=unit, name=f"block{i}")
        levels[f"C{len(levels) + (stride > 1)}"] = x
    for j, width in enumerate(last, start=1):
        name = f"block{i + 1}_sepconv{j}"
        x = unit.act(separable(x, width, unit=unit, name=name), name=name)
    return levels | {f"C{len(levels)}": x}


def block(x: Tensor, widths: tuple[int, ...], *, stride: int, relu_first: bool, unit: ConvUnit, name: str) -> Tensor:
    """ReLU and separable convolution for each of `widths`, max pooling where there is a stride, and the shortcut."""
    y = x
    for j, width in enumerate(widths, start=1):
        if j > 1 or relu_first:
            y = unit.act(y, name=f"{name}_preact{j}")
        y = separable(y, width, unit=unit, name=f"{name}_sepconv{j}")
    if stride > 1:
        y = unit.max_pool(y, 3, stride, signed=True, name=f"{name}_pool")
        x = unit(x, widths[-1], 1, stride=stride, activation=None, name=f"{name}_shortcut")
    return layers.Add(name=f"{name}_add")([y, x])


HEAD = GLOBAL_POOLING
