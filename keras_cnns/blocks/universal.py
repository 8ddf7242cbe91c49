"""The universal inverted bottleneck. Qin et al. 2024, "MobileNetV4", 2404.10518, section 4 and Fig. 4."""

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.mbconv import add
from keras_cnns.support.types import Tensor


def universal_bottleneck(
    x: Tensor,
    filters: int,
    *,
    expanded: int,
    first: int = 0,
    second: int = 0,
    stride: int = 1,
    drop_rate: float = 0.0,
    unit: ConvUnit,
    name: str,
) -> Tensor:
    """An inverted bottleneck with two optional depthwise convolutions: before the expansion, and after it.

    [batch, height, width, channels] -> [batch, height / stride, width / stride, filters]. The input is added if the
    output has its shape. The paper's four forms: ExtraDW has both depthwise convolutions, IB the second, ConvNext the
    first, FFN none.

    Args:
      expanded: channels between the two 1x1 convolutions.
      first, second: kernels of the depthwise convolutions; 0 for none.
      stride: of the second one, or of the first if there is no second.
      drop_rate: probability that stochastic depth skips the block for a picture in training.

    Example:
      x = universal_bottleneck(x, 96, expanded=192, first=5, second=5, stride=2, unit=unit, name="stage3_block1")
    """
    has_shortcut, y = stride == 1 and x.shape[-1] == filters, x
    if first:
        y = unit.depthwise(y, first, stride=1 if second else stride, activation=None, name=f"{name}_first")
    y = unit(y, expanded, 1, name=f"{name}_expand")
    if second:
        y = unit.depthwise(y, second, stride=stride, name=f"{name}_second")
    y = unit(y, filters, 1, activation=None, name=f"{name}_project")
    return add(x, y, drop_rate, name=name) if has_shortcut else y
