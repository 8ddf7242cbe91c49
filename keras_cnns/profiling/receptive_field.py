"""Receptive fields by interval arithmetic: the part of the picture that a position of a feature map depends on.

Along each axis, position n depends on the pixels low + n * jump .. high + n * jump. A window of k positions with stride
s, dilation d and p zeros in front changes (low, high, jump) to (low - p jump, high + ((k - 1) d - p) jump, s jump).
Where branches meet, the field covers the fields of all of them.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from keras_cnns.graph import kinds
from keras_cnns.graph.calls import Call
from keras_cnns.layers import (
    AdaptivePooling2D,
    EuclideanRBF,
    LocalContrastNormalization,
    LocalResponseNormalization,
    WeightedPooling2D,
)

POINTWISE = (*kinds.POINTWISE, LocalResponseNormalization, EuclideanRBF)
GLOBAL = (layers.GroupNormalization, LocalContrastNormalization)  # use statistics of the whole picture


@dataclass(frozen=True)
class Field:
    """A receptive field along one axis, in pixels: position 0 depends on low .. high, the next lies `jump` further."""

    low: float
    high: float
    jump: float

    @property
    def size(self) -> float:
        """Number of pixels that a position depends on; infinite if it depends on the whole picture."""
        return self.high - self.low + 1

    @property
    def start(self) -> float:
        """Centre of the field of position 0; the centre of the first pixel is 0.5."""
        return math.nan if math.isinf(self.size) else (self.low + self.high) / 2 + 0.5


ALL = (-math.inf, math.inf)
Fields = tuple[Field, ...] | None  # one for each spatial axis
Sizes = tuple[int | None, ...]  # of the spatial axes; None: not known


def fields(calls: Iterable[Call]) -> list[Fields]:
    """For each call, a `Field` for each spatial axis, or None. For a vector, the fields of the map it was made from.

    None: the field is not known, because the call, or one before it, is of an unknown kind.

    >>> fields(Calls(keras_cnns.build("vgg16")))[3][0].size  # after conv1_2
    5
    """
    results: list = []
    for call in calls:
        results.append(_field(call, [results[ref.call] for ref in call.inputs]))
    return results


def _field(call: Call, before: list[Any]) -> Fields:
    layer, kind = call.operation, type(call.operation)
    if kind is layers.InputLayer:
        return tuple(Field(0, 0, 1) for _ in _spatial(layer, call.outputs[0].shape))
    if not before or any(b is None for b in before):
        return None
    sizes = _spatial(layer, call.inputs[0].shape)
    if kind in GLOBAL:
        return tuple(Field(*ALL, f.jump) for f in before[0])
    if kind in POINTWISE:
        return _together(call, before)
    if isinstance(layer, (*kinds.CONVS, *kinds.DEPTHWISE, *kinds.TRANSPOSED, *kinds.SEPARABLE, *kinds.POOLINGS)):
        return _windowed(layer, before[0], sizes)
    if kind is WeightedPooling2D:
        return tuple(_window(f, n, layer.size, layer.stride, 1, "valid") for f, n in zip(before[0], sizes, strict=True))
    if kind is AdaptivePooling2D and all(n and n % layer.size == 0 for n in sizes):
        windows = [n // layer.size for n in sizes]
        return tuple(_window(f, n, k, k, 1, "valid") for f, n, k in zip(before[0], sizes, windows, strict=True))
    if kind in (*kinds.ZERO_PADDINGS, *kinds.CROPPINGS, kinds.PAD):
        return tuple(_moved(f, n) for f, n in zip(before[0], _added_in_front(layer, sizes), strict=True))
    if kind in kinds.UPSAMPLINGS:
        blur = 0 if getattr(layer, "interpolation", "nearest") == "nearest" else 1  # interpolation reads the neighbour
        factors = _each(layer.size, sizes)
        return tuple(Field(f.low - blur * f.jump, f.high, f.jump / s) for f, s in zip(before[0], factors, strict=True))
    joins = kind in (*kinds.GLOBAL_POOLINGS, kinds.MEAN, kinds.MAX, layers.Flatten)
    if joins or kind in (layers.Reshape, kinds.RESHAPES[0]) and _is_vector(layer, call):
        return tuple(_joined(f, n) for f, n in zip(before[0], sizes or (1,) * len(before[0]), strict=False))
    return None


def _windowed(layer: Any, before: Any, sizes: Sizes) -> tuple[Field, ...]:
    """The fields after a convolution or pooling."""
    kernel = _each(getattr(layer, "kernel_size", None) or layer.pool_size, sizes)
    strides, dilation = _each(layer.strides, sizes), _each(getattr(layer, "dilation_rate", 1), sizes)
    step = _transposed if isinstance(layer, kinds.TRANSPOSED) else _window
    return tuple(
        step(f, n, k, s, d, layer.padding)
        for f, n, k, s, d in zip(before, sizes, kernel, strides, dilation, strict=True)
    )


def _added_in_front(layer: Any, sizes: Sizes) -> list[int]:
    """How far the positions move along each axis: negative for padding, positive for cropping."""
    if type(layer) is kinds.PAD:
        width = layer.pad_width[1:-1] if _is_channels_last(layer) else layer.pad_width[2:]
        return [-front for front, _ in width]
    pads = type(layer) in kinds.ZERO_PADDINGS
    amounts = layer.padding if pads else layer.cropping
    fronts = [a[0] if isinstance(a, tuple | list) else a for a in (amounts if len(sizes) > 1 else [amounts])]
    return [-front if pads else front for front in fronts]


def _window(f: Field, n: int | None, k: int, s: int, d: int, padding: str) -> Field:
    reach = (k - 1) * d
    if padding == "same":  # TensorFlow puts the odd zero at the end
        rest = (-(-n // s) - 1) * s - n if n else -s  # unknown size: assume that the stride divides it
        front = max(rest + reach + 1, 0) // 2
    else:
        front = reach if padding == "causal" else 0
    return Field(f.low - front * f.jump, f.high + (reach - front) * f.jump, f.jump * s)


def _transposed(f: Field, n: int | None, k: int, s: int, d: int, padding: str) -> Field:
    reach = (k - 1) * d
    front = max(reach + 1 - s, 0) // 2 if padding == "same" else 0
    return Field(f.low - (reach - front) // s * f.jump, f.high + front // s * f.jump, f.jump / s)


def _moved(f: Field, positions: int) -> Field:
    return Field(f.low + positions * f.jump, f.high + positions * f.jump, f.jump)


def _joined(f: Field, n: int | None) -> Field:
    """The field of n positions together."""
    if n is None:
        return Field(*ALL, f.jump)
    return Field(f.low, f.high + (n - 1) * f.jump, f.jump * n)


def _together(call: Call, before: list[Any]) -> Fields:
    """The fields after an elementwise call of several maps. A 1x1 gate affects every position of the other map."""
    spatial = [_spatial(call.operation, ref.shape) for ref in call.inputs]
    axes = max(map(len, spatial))
    if axes and len({len(s) for s in spatial}) > 1:
        return None
    result = []
    for axis, many in enumerate(zip(*before, strict=False)):
        sizes = [s[axis] for s in spatial] if axes else [1] * len(many)
        broad = [f for f, n in zip(many, sizes, strict=True) if n != 1] or list(many)
        if len({f.jump for f in broad}) > 1:
            return None
        gated = len(broad) < len(many)
        low, high = ALL if gated else (min(f.low for f in many), max(f.high for f in many))
        result.append(Field(low, high, broad[0].jump))
    return tuple(result)


def _is_vector(layer: Any, call: Call) -> bool:
    """Whether a reshape leaves one position: [batch, n] or [batch, 1, 1, n]."""
    return all(n == 1 for n in _spatial(layer, call.outputs[0].shape))


def _is_channels_last(layer: Any) -> bool:
    return (getattr(layer, "data_format", None) or keras.config.image_data_format()) == "channels_last"


def _spatial(layer: Any, shape: Sequence[int | None]) -> Sizes:
    """The spatial sizes in `shape`, which starts with the batch; () for vectors."""
    return tuple(shape[1:-1] if _is_channels_last(layer) else shape[2:])


def _each(value: Any, sizes: Sizes) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,) * len(sizes)
