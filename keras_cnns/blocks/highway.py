"""Highway layers. Srivastava et al. 2015, 1507.06228, equation 3."""

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.support.lazy_imports import keras, layers
from keras_cnns.support.types import Tensor


def highway(x: Tensor, *, kernel: int = 3, gate_bias: float = -2.0, unit: ConvUnit, name: str) -> Tensor:
    """y = H(x) T(x) + x (1 - T(x)), of the shape of x, [batch, height, width, channels].

    H is a convolution with the unit's activation, and T, the transform gate, a convolution with a sigmoid.

    Args:
      kernel: side of both convolutions' windows.
      gate_bias: initial bias of T. A negative value makes the layer start close to y = x.

    Example:
      x = highway(x, unit=unit, name="block1_1")
    """
    filters = x.shape[-1]
    h = unit.act(unit.conv(x, filters, kernel, bias=True, name=f"{name}_transform"), name=f"{name}_transform")
    t = layers.Conv2D(
        filters,
        kernel,
        padding="same",
        kernel_initializer=unit.initializer,
        bias_initializer=keras.initializers.Constant(gate_bias),
        name=f"{name}_gate_conv",
    )(x)
    t = unit.act(t, "sigmoid", name=f"{name}_gate")
    change = layers.Multiply(name=f"{name}_change")([layers.Subtract(name=f"{name}_difference")([h, x]), t])
    return layers.Add(name=f"{name}_out")([x, change])
