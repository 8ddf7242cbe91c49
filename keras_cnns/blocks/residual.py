"""Residual units. He et al. 2015, 1512.03385, Fig. 5. Their orderings: He et al. 2016, 1603.05027, Fig. 4."""

from collections.abc import Iterable, Sequence
from typing import Any

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.head import dropout
from keras_cnns.blocks.squeeze_excite import squeeze_excite
from keras_cnns.support.errors import BadArgument, nearest
from keras_cnns.support.lazy_imports import layers, ops
from keras_cnns.support.types import Tensor

# Fig. 4a to 4e: the steps before the first convolution, after the last one, and after the addition
ORDERINGS = {
    "original": ((), ("bn",), ("relu",)),
    "bn_after_addition": ((), (), ("bn", "relu")),
    "relu_before_addition": ((), ("bn", "relu"), ()),
    "relu_only_preactivation": (("relu",), ("bn",), ()),
    "full_preactivation": (("bn", "relu"), (), ()),
}
SHORTCUTS = ("identity", "projection", "all")


def basic(x: Tensor, width: int, *, stride: int, unit: ConvUnit, name: str, **options: Any) -> Tensor:
    """The basic unit: 3x3 and 3x3 convolutions with `width` filters, added to the input. Fig. 5, left.

    [batch, height, width, channels] -> [batch, height / stride, width / stride, width].

    Args:
      width: filters of both convolutions.
      stride: of the first convolution.
      **options: those of `residual`.

    Example:
      x = basic(x, 64, stride=1, unit=unit, name="conv2_block1")
    """
    return residual(x, [(width, 3, stride, 1), (width, 3, 1, 1)], unit=unit, name=name, **options)


def bottleneck(
    x: Tensor,
    width: int,
    *,
    stride: int,
    unit: ConvUnit,
    name: str,
    stride_in: int = 3,
    C: int = 1,  # noqa: N803 (the paper's letter)
    d: int = 64,
    **options: Any,
) -> Tensor:
    """The bottleneck unit: 1x1, 3x3 and 1x1 convolutions, added to the input. Fig. 5, right.

    [batch, height, width, channels] -> [batch, height / stride, width / stride, 4 * width].

    Args:
      width: filters of the 3x3 convolution in ResNet.
      stride: of one convolution, see stride_in.
      stride_in: side of the kernel that carries the stride: 1 in the paper, 3 in "ResNet v1.5".
      C, d: the 3x3 convolution has C groups of d channels where width is 64, and in proportion elsewhere (cardinality
        and bottleneck width; Xie et al. 2016, 1611.05431, Fig. 1).
      **options: those of `residual`.

    Example:
      x = bottleneck(x, 128, stride=2, unit=unit, name="conv3_block1")  # [2, 56, 56, 256] -> [2, 28, 28, 512]
    """
    inner = C * (width * d // 64)
    reduce = (inner, 1, stride if stride_in == 1 else 1, 1)
    convs = [reduce, (inner, 3, stride if stride_in == 3 else 1, C), (4 * width, 1, 1, 1)]
    return residual(x, convs, unit=unit, name=name, **options)


def plain(
    x: Tensor,
    width: int,
    *,
    stride: int,
    unit: ConvUnit,
    name: str,
    dilation: int = 1,
    kept: bool = False,
    **_: Any,
) -> Tensor:
    """3x3 and 3x3 convolutions without a shortcut: the plain network that the paper compares with."""
    x = unit(x, width, 3, stride=1 if kept else stride, dilation=dilation, name=f"{name}_1")
    return unit(x, width, 3, dilation=dilation * stride if kept else dilation, name=f"{name}_2")


def residual(
    x: Tensor,
    convs: Sequence[tuple[int, int, int, int]],
    *,
    unit: ConvUnit,
    name: str,
    shortcut: str = "projection",
    ordering: str = "original",
    both_paths: bool = False,
    drop_rate: float = 0.0,
    r: int = 0,
    dilation: int = 1,
    kept: bool = False,
) -> Tensor:
    """Convolutions with batch normalization and ReLU between them, added to the input.

    Args:
      x: [batch, height, width, channels].
      convs: (filters, kernel, stride, groups) of each convolution.
      shortcut: a value of SHORTCUTS, see `connect`.
      ordering: a key of ORDERINGS.
      both_paths: whether the shortcut starts after the pre-activation too, as in the first unit of a network.
      drop_rate: of the dropout before the last convolution, fraction.
      r: reduction of squeeze-and-excitation on the residual branch; 0 for none.
      dilation: of the convolutions larger than 1x1.
      kept: whether dilation of the following convolutions replaces the strides, see `blocks.strides`.

    Raises:
      UserError: unknown shortcut or ordering.
    """
    before, last, after = ORDERINGS[check_choice(ordering, ORDERINGS, "ordering")]
    y = preactivated = steps(x, before, unit=unit, name=f"{name}_preact")
    *inner, (filters, kernel, last_stride, groups) = convs
    stride = 1  # of the whole unit, without the strides that dilation replaces
    for i, (f, k, s, g) in enumerate(inner, start=1):
        y = unit(y, f, k, stride=1 if kept else s, groups=g, dilation=dilation if k > 1 else 1, name=f"{name}_{i}")
        stride, dilation = (stride, dilation * s) if kept else (stride * s, dilation)
    stride *= last_stride
    y, end = dropout(y, drop_rate, name=f"{name}_drop"), f"{name}_{len(convs)}"
    bias = None if "bn" in last else unit.numerics.free_bias
    y = unit.conv(
        y,
        filters,
        kernel,
        stride=last_stride,
        groups=groups,
        bias=bias,
        dilation=dilation if kernel > 1 else 1,
        name=end,
    )
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


def steps(x: Tensor, which: Iterable[str], *, unit: ConvUnit, name: str) -> Tensor:
    """Normalization ("bn") and activation ("relu"), in the order of `which`."""
    for step in which:
        x = unit.norm(x, name=name) if step == "bn" else unit.act(x, name=name)
    return x


def connect(
    x: Tensor,
    preactivated: Tensor,
    filters: int,
    *,
    stride: int,
    option: str,
    bias: bool | None,
    norm: bool,
    unit: ConvUnit,
    name: str,
) -> Tensor:
    """The shortcut: x, subsampled by `stride`, if the number of channels stays, and otherwise one of three options.

    He et al. 2015, section 4.1.

    Args:
      x: the input of the unit.
      preactivated: the input after the unit's pre-activation, which a projection reads.
      filters: channels of the result.
      option: "identity" (A: missing channels are zeros), "projection" (B: a 1x1 convolution where the number of
        channels changes), "all" (C: a 1x1 convolution in every unit).
      bias: whether the 1x1 convolution has a bias; None: the numerics decide.
      norm: whether batch normalization follows the 1x1 convolution.
    """
    check_choice(option, SHORTCUTS, "shortcut")
    missing = filters - x.shape[-1]
    if option == "all" or (option == "projection" and missing):
        y = unit.conv(preactivated, filters, 1, stride=stride, bias=bias, name=name)
        return unit.norm(y, name=name) if norm else y
    if stride > 1:
        x = layers.MaxPooling2D(1, stride, name=f"{name}_subsample")(x)
    return ops.pad(x, ((0, 0), (0, 0), (0, 0), (missing // 2, missing - missing // 2))) if missing else x


def check_choice(value: Any, values: Iterable[str], column: str) -> Any:
    """Returns `value`. Raises UserError if it is not one of `values`."""
    if value not in values:
        raise BadArgument(f"{column} is {value!r}: it must be one of {', '.join(values)}.{nearest(str(value), values)}")
    return value
