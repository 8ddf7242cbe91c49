"""Cross stage partial blocks. Wang et al. 2019, 1911.11929, Fig. 2; as in YOLOX: Ge et al. 2021, 2107.08430."""

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.separable import depthwise_separable
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

POOL, POOLINGS = 5, 3  # side of a window, and how often it is applied


def csp_stage(
    x: Tensor, filters: int, depth: int, *, shortcut: bool = True, depthwise: bool = False, unit: ConvUnit, name: str
) -> Tensor:
    """Half the channels pass through `depth` bottlenecks, the others only through a 1x1 convolution; both are joined.

    [batch, height, width, channels] -> [batch, height, width, filters].

    Args:
      depth: the number of bottlenecks: a 1x1 and a 3x3 convolution each.
      shortcut: whether a bottleneck's input is added to its output.
      depthwise: whether the 3x3 convolutions are depthwise-separable.

    Example:
      x = csp_stage(x, 128, 3, unit=unit, name="stage3")  # [2, 80, 80, 64] -> [2, 80, 80, 128]
    """
    width = filters // 2
    main, other = unit(x, width, 1, name=f"{name}_1"), unit(x, width, 1, name=f"{name}_2")
    for i in range(1, depth + 1):
        y = unit(main, width, 1, name=f"{name}_block{i}_1")
        y = spatial(y, width, depthwise=depthwise, unit=unit, name=f"{name}_block{i}_2")
        main = layers.Add(name=f"{name}_block{i}_add")([y, main]) if shortcut else y
    return unit(layers.Concatenate(name=f"{name}_join")([main, other]), filters, 1, name=f"{name}_3")


def spatial(x: Tensor, filters: int, *, stride: int = 1, depthwise: bool = False, unit: ConvUnit, name: str) -> Tensor:
    """A 3x3 convolution with normalization and activation; depthwise-separable if `depthwise`."""
    if depthwise:
        return depthwise_separable(x, filters, stride=stride, unit=unit, name=name)
    return unit(x, filters, 3, stride=stride, name=name)


def pyramid_pool(x: Tensor, filters: int, *, unit: ConvUnit, name: str) -> Tensor:
    """Spatial pyramid pooling of YOLOv3: maxima over windows of 5, 9 and 13 pixels, joined with x.

    [batch, height, width, channels] -> [batch, height, width, filters]. A window of 9 is two of 5 one after the other,
    and a window of 13 is three, so that three poolings of 5 give the same values.
    """
    joined = [unit(x, x.shape[-1] // 2, 1, name=f"{name}_1")]
    for i in range(POOLINGS):
        joined.append(layers.MaxPooling2D(POOL, 1, "same", name=f"{name}_pool{i + 1}")(joined[-1]))
    return unit(layers.Concatenate(name=f"{name}_join")(joined), filters, 1, name=f"{name}_2")
