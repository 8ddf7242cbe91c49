"""Xception. Chollet 2016, "Xception: Deep Learning with Depthwise Separable Convolutions", 1610.02357, Fig. 5."""

from dataclasses import KW_ONLY, dataclass

from keras_cnns.blocks.separable import separable
from keras_cnns.family.protocol import Paper, Variant
from keras_cnns.support.lazy_imports import layers

PAPER = Paper("Chollet", 2016, "Xception: Deep Learning with Depthwise Separable Convolutions", "1610.02357")


@dataclass(frozen=True)
class Xception(Variant):
    """Channels of the separable convolutions, block by block.

    entry: blocks with stride 2. middle: blocks that are added to their input. exit: one more with stride 2, and what
    follows it.
    """

    entry: tuple = ((128, 128), (256, 256), (728, 728))
    middle: tuple = ((728, 728, 728),) * 8
    exit: tuple = ((728, 1024), (1536, 2048))
    _: KW_ONLY
    input_shape: tuple = (299, 299, 3)
    min_size: int = 71
    dropout: float = 0.5


VARIANTS = {"xception": Xception()}


def features(x, net, unit):
    """Levels C1 .. C4: what enters the next stride; C5: the end."""
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


def block(x, widths, *, stride, relu_first, unit, name):
    """ReLU-separable convolution, as often as there are widths, [max pooling,] and the shortcut."""
    y = x
    for j, width in enumerate(widths, start=1):
        if j > 1 or relu_first:
            y = unit.act(y, name=f"{name}_preact{j}")
        y = separable(y, width, unit=unit, name=f"{name}_sepconv{j}")
    if stride > 1:
        y = unit.max_pool(y, 3, stride, signed=True, name=f"{name}_pool")
        x = unit(x, widths[-1], 1, stride=stride, activation=None, name=f"{name}_shortcut")
    return layers.Add(name=f"{name}_add")([y, x])
