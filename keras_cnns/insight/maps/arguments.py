"""Checks of what a caller of `keras_cnns.insight` gives: each returns the value, or says in one line what is wrong."""

from typing import Any

import numpy as np

from keras_cnns.support.errors import BadArgument
from keras_cnns.support.validation import number, short, whole


def whole_number(name: str, value: Any, *, least: int = 1) -> int:
    """`value` as an int. Raises UserError unless it is a whole number from `least` up."""
    if not whole(value, least):
        raise BadArgument(f"{name} is {short(value)}: it must be a whole number from {least} up.")
    return int(value)


def real_number(name: str, value: Any, *, least: float | None = None) -> float:
    """`value` as a float. Raises UserError unless it is a finite number, from `least` up where that is given."""
    if not number(value) or least is not None and value < least:
        limit = "" if least is None else f" from {least:g} up"
        raise BadArgument(f"{name} is {short(value)}: it must be a finite number{limit}.")
    return float(value)


def layer_name(value: Any) -> str:
    """`value` as the name of a layer. Raises UserError unless it is a text."""
    if not isinstance(value, str) or not value:
        raise BadArgument(f"layer is {short(value)}: it must be the name of a layer, as `keras-cnns show` lists them.")
    return value


def pixel_range(low: Any, high: Any) -> tuple[float, float]:
    """The values of black and white. Raises UserError unless they are two different numbers."""
    low, high = real_number("low", low), real_number("high", high)
    if low == high:
        raise BadArgument(f"black and white are both {low:g}: give two different numbers.")
    return low, high


def like_picture(name: str, value: Any, shape: tuple) -> np.ndarray:
    """`value` as float32: a number, one for each channel, or an array like a picture of `shape`.

    Raises:
      UserError: it is none of these, or holds values that are not finite.
    """
    try:
        array = np.asarray(value, "float32")
        fits = np.broadcast_shapes(array.shape, shape) == tuple(shape)
    except (TypeError, ValueError):
        fits = False
    if not fits or not np.isfinite(array).all():
        raise BadArgument(
            f"{name} is {short(value)}: it must be a finite number, one for each of {shape[-1]} channels, or an array "
            f"of shape {tuple(shape)}."
        )
    return array
