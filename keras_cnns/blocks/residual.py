"""Residual units. He et al. 2015, 1512.03385, Fig. 5; their orderings: He et al. 2016, 1603.05027, Fig. 4."""

from keras_cnns.blocks.head import dropout
from keras_cnns.blocks.squeeze_excite import squeeze_excite
from keras_cnns.support.errors import BadArgument, nearest
from keras_cnns.support.lazy_imports import layers, ops

# Fig. 4a to 4e: what stands before the first convolution, after the last one, and after the addition
ORDERINGS = {
    "original": ((), ("bn",), ("relu",)),
    "bn_after_addition": ((), (), ("bn", "relu")),
    "relu_before_addition": ((), ("bn", "relu"), ()),
    "relu_only_preactivation": (("relu",), ("bn",), ()),
    "full_preactivation": (("bn", "relu"), (), ()),
}
SHORTCUTS = ("identity", "projection", "all")


def basic(x, width, *, stride, unit, name, **options):
    """3x3, 3x3. options: those of `residual`."""
    return residual(x, [(width, 3, stride, 1), (width, 3, 1, 1)], unit=unit, name=name, **options)


def bottleneck(x, width, *, stride, unit, name, stride_in=3, C=1, d=64, **options):  # noqa: N803 (the paper's letters)
    """1x1 reduce, 3x3, 1x1 expand to 4 * width.

    stride_in: the kernel that carries the stride (1 in the paper, 3 in v1.5). C, d: the 3x3 has C groups of d channels
      each where the width is 64, and in proportion elsewhere (ResNeXt's cardinality and bottleneck width).
    """
    inner = C * (width * d // 64)
    reduce = (inner, 1, stride if stride_in == 1 else 1, 1)
    convs = [reduce, (inner, 3, stride if stride_in == 3 else 1, C), (4 * width, 1, 1, 1)]
    return residual(x, convs, unit=unit, name=name, **options)


def plain(x, width, *, stride, unit, name, dilation=1, kept=False, **_):
    """3x3, 3x3, nothing added: what the paper compares with."""
    x = unit(x, width, 3, stride=1 if kept else stride, dilation=dilation, name=f"{name}_1")
    return unit(x, width, 3, dilation=dilation * stride if kept else dilation, name=f"{name}_2")


def residual(
    x,
    convs,
    *,
    unit,
    name,
    shortcut="projection",
    ordering="original",
    both_paths=False,
    drop_rate=0.0,
    r=0,
    dilation=1,
    kept=False,
):
    """Convolutions with BN and ReLU between them, added to the input.

    convs: filters, kernel, stride and groups of each. shortcut: see `connect`. ordering: a key of ORDERINGS.
      both_paths: the shortcut too begins after the pre-activation, as in a network's first unit. drop_rate: of dropout
      before the last convolution. r: squeeze-excitation's reduction, of what is added; 0: none. dilation: of the
      convolutions wider than 1x1. kept: strides are not taken and widen what follows instead, see `blocks.strides`.
    """
    before, last, after = ORDERINGS[known(ordering, ORDERINGS, "ordering")]
    y = preactivated = steps(x, before, unit=unit, name=f"{name}_preact")
    *inner, (filters, kernel, last_stride, groups) = convs
    stride = 1  # of all together, as far as it is taken
    for i, (f, k, s, g) in enumerate(inner, start=1):
        y = unit(y, f, k, stride=1 if kept else s, groups=g, dilation=dilation if k > 1 else 1, name=f"{name}_{i}")
        stride, dilation = (stride, dilation * s) if kept else (stride * s, dilation)
    stride *= last_stride
    y, end = dropout(y, drop_rate, name=f"{name}_drop"), f"{name}_{len(convs)}"
    bias = None if "bn" in last else unit.numerics.free_bias
    apart = dilation if kernel > 1 else 1
    y = unit.conv(y, filters, kernel, stride=last_stride, groups=groups, bias=bias, dilation=apart, name=end)
    y = steps(y, last, unit=unit, name=end)
    if r:
        y = squeeze_excite(y, filters // r, unit=unit, name=f"{name}_se")
    x = connect(
        preactivated if both_paths else x,
        preactivated,
        filters,
        stride=stride,
        option=shortcut,
        bias=bias,
        norm="bn" in last,
        unit=unit,
        name=f"{name}_0",
    )
    return steps(layers.Add(name=f"{name}_{'add' if after else 'out'}")([x, y]), after, unit=unit, name=f"{name}_out")


def steps(x, which, *, unit, name):
    """Normalization ("bn") and activation ("relu"), in the order given."""
    for step in which:
        x = unit.norm(x, name=name) if step == "bn" else unit.act(x, name=name)
    return x


def connect(x, preactivated, filters, *, stride, option, bias, norm, unit, name):
    """The shortcut: x itself where the channels stay (every stride-th pixel); elsewhere by the paper's options.

    option: "identity" (A: missing channels are zeros), "projection" (B: a 1x1 convolution of the pre-activated input
      where the channels change), "all" (C: a 1x1 convolution everywhere). norm: BN after the convolution.
    """
    known(option, SHORTCUTS, "shortcut")
    missing = filters - x.shape[-1]
    if option == "all" or (option == "projection" and missing):
        y = unit.conv(preactivated, filters, 1, stride=stride, bias=bias, name=name)
        return unit.norm(y, name=name) if norm else y
    if stride > 1:
        x = layers.MaxPooling2D(1, stride, name=f"{name}_subsample")(x)
    return ops.pad(x, ((0, 0), (0, 0), (0, 0), (missing // 2, missing - missing // 2))) if missing else x


def known(value, values, column):
    """`value`, if it is one of `values`."""
    if value not in values:
        raise BadArgument(f"{column} is {value!r}: it must be one of {', '.join(values)}.{nearest(str(value), values)}")
    return value
