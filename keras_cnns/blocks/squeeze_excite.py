"""Squeeze-and-excitation. Hu et al. 2017, 1709.01507, Fig. 1."""

from keras_cnns.support.lazy_imports import layers


def squeeze_excite(x, squeezed, *, unit, name, activation=..., gate="sigmoid"):
    """Scales each channel by a gate computed from all channels' means.

    squeezed: channels between the two 1x1 convolutions. gate: the activation of the second one.
    """
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    y = unit.act(unit.conv(y, squeezed, 1, bias=True, name=f"{name}_reduce"), activation, name=f"{name}_reduce")
    y = unit.act(unit.conv(y, x.shape[-1], 1, bias=True, name=f"{name}_expand"), gate, name=f"{name}_expand")
    return layers.Multiply(name=f"{name}_excite")([x, y])
