"""Highway layers. Srivastava et al. 2015, 1507.06228, equation 3."""

from keras_cnns.support.lazy_imports import keras, layers


def highway(x, *, kernel=3, gate_bias=-2.0, unit, name):
    """y = H(x) T(x) + x (1 - T(x)): H a convolution and activation, T a convolution and sigmoid, as many maps as x.

    gate_bias: of T at the start; negative, so that the layer begins by carrying its input on.
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
