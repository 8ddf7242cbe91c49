"""Residual blocks. He et al. 2015, 1512.03385, Fig. 5; He et al. 2016, 1603.05027, Fig. 4e (pre-activation)."""

from keras_cnns.blocks.squeeze_excite import squeeze_excite
from keras_cnns.lazy import layers, ops


def basic(x, width, *, stride, unit, name, shortcut="projection"):
    """3x3, 3x3."""
    y = unit(x, width, 3, stride=stride, name=f"{name}_1")
    y = unit(y, width, 3, activation=None, name=f"{name}_2")
    return add(connect(x, width, stride=stride, unit=unit, name=name, option=shortcut), y, unit, name)


def bottleneck(x, width, *, stride, unit, name, shortcut="projection", stride_in=3, C=1, d=64, r=0):  # noqa: N803
    """1x1 reduce, 3x3, 1x1 expand to 4 * width [+SE].

    stride_in: the kernel that carries the stride (1 in the paper, 3 in v1.5). C, d: the 3x3 has C groups of d channels
      each where the width is 64, and in proportion elsewhere (ResNeXt's cardinality and bottleneck width).
      r: squeeze-excitation's reduction; 0: none.
    """
    inner = C * (width * d // 64)
    y = unit(x, inner, 1, stride=stride if stride_in == 1 else 1, name=f"{name}_1")
    y = unit(y, inner, 3, stride=stride if stride_in == 3 else 1, groups=C, name=f"{name}_2")
    y = unit(y, 4 * width, 1, activation=None, name=f"{name}_3")
    if r:
        y = squeeze_excite(y, 4 * width // r, unit=unit, name=f"{name}_se")
    return add(connect(x, 4 * width, stride=stride, unit=unit, name=name, option=shortcut), y, unit, name)


def add(x, y, unit, name):
    """The sum, then the activation."""
    return unit.act(layers.Add(name=f"{name}_add")([x, y]), name=f"{name}_out")


def connect(x, filters, *, stride, unit, name, option="projection"):
    """The shortcut: x itself where the shape stays; elsewhere by the paper's options.

    option: "identity" (A: every stride-th pixel, missing channels zero), "projection" (B: a 1x1 convolution where
      the shape changes), "all" (C: a 1x1 convolution everywhere).
    """
    same = stride == 1 and x.shape[-1] == filters
    if option == "all" or (option == "projection" and not same):
        return unit(x, filters, 1, stride=stride, activation=None, name=f"{name}_0")
    return x if same else subsample(x, filters, stride=stride, name=name)


def subsample(x, filters, *, stride, name):
    """Option A: every stride-th pixel; the channels that are missing are zeros."""
    if stride > 1:
        x = layers.MaxPooling2D(1, stride, name=f"{name}_0_subsample")(x)
    missing = filters - x.shape[-1]
    if not missing:
        return x
    return ops.pad(x, ((0, 0), (0, 0), (0, 0), (missing // 2, missing - missing // 2)))


def preact_basic(x, width, *, stride, unit, name):
    """BN-ReLU-3x3, BN-ReLU-3x3; a projection sees the pre-activated input."""
    y = unit.act(unit.norm(x, name=f"{name}_preact"), name=f"{name}_preact")
    x = preact_shortcut(x, y, width, stride=stride, unit=unit, name=name)
    y = unit(y, width, 3, stride=stride, name=f"{name}_1")
    y = unit.conv(y, width, 3, bias=unit.numerics.free_bias, name=f"{name}_2")
    return layers.Add(name=f"{name}_out")([x, y])


def preact_bottleneck(x, width, *, stride, unit, name, expansion=4):
    """BN-ReLU-1x1, BN-ReLU-3x3 (stride), BN-ReLU-1x1."""
    y = unit.act(unit.norm(x, name=f"{name}_preact"), name=f"{name}_preact")
    x = preact_shortcut(x, y, expansion * width, stride=stride, unit=unit, name=name)
    y = unit(y, width, 1, name=f"{name}_1")
    y = unit(y, width, 3, stride=stride, name=f"{name}_2")
    y = unit.conv(y, expansion * width, 1, bias=unit.numerics.free_bias, name=f"{name}_3")
    return layers.Add(name=f"{name}_out")([x, y])


def preact_shortcut(x, preact, filters, *, stride, unit, name):
    """A 1x1 convolution of the pre-activated input where the channels change; else x, every stride-th pixel."""
    if x.shape[-1] != filters:
        return unit.conv(preact, filters, 1, stride=stride, bias=unit.numerics.free_bias, name=f"{name}_0")
    return layers.MaxPooling2D(1, stride, name=f"{name}_0_subsample")(x) if stride > 1 else x
