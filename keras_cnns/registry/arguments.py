"""The arguments of `build`, checked before anything is built."""

import math
import operator
from typing import Any

from keras_cnns.blocks.preprocessing import PREPROCESSING, Preprocessing
from keras_cnns.family.variant import Variant
from keras_cnns.support.errors import BadArgument, nearest
from keras_cnns.support.lazy_imports import keras
from keras_cnns.support.types import Tensor

Shape = tuple[int | None, int | None, int]


def checked_shape(name: str, net: Variant, shape: Any) -> Shape:
    """(height, width, channels) of the input: `shape`, or the row's where `shape` is None.

    Raises:
      UserError: not such a tuple, no channels, or a picture smaller than the network can take.
    """
    shape = net.input_shape if shape is None else shape
    try:
        height, width, channels = (None if n is None else operator.index(n) for n in shape)
    except (TypeError, ValueError):
        raise BadArgument(f"input_shape is {shape!r}: it must be (height, width, channels).") from None
    if channels is None or channels < 1:
        raise BadArgument(f"input_shape is {tuple(shape)}: the number of channels must be at least 1.")
    if min(math.inf if n is None else n for n in (height, width)) < net.min_size:
        raise BadArgument(
            f"{name} needs pictures of at least {net.min_size}x{net.min_size}: input_shape is {tuple(shape)}."
        )
    return height, width, channels


def checked_tensor(name: str, net: Variant, tensor: Any, shape: Any) -> Tensor:
    """The tensor that replaces the input, as in keras.applications. Raises UserError if its shape is not valid."""
    if not isinstance(tensor, keras.KerasTensor) or len(tensor.shape) != 4:
        raise BadArgument(
            "input_tensor must be a Keras tensor [batch, height, width, channels], such as keras.Input()."
        )
    own = checked_shape(name, net, tensor.shape[1:])
    if shape is not None and checked_shape(name, net, shape) != own:
        raise BadArgument(f"input_shape is {shape}, and input_tensor has {own}: leave input_shape out.")
    return tensor


def checked_activation(activation: Any) -> Any:
    """None, a function, or a name that `keras.activations` knows. Raises UserError for other values."""
    try:
        keras.activations.get(activation)
    except Exception:  # Keras raises errors of several kinds here
        known = ("softmax", "sigmoid", "linear", "log_softmax", "relu", "tanh")
        raise BadArgument(
            f"classifier_activation is {activation!r}: it must be None or the name of an activation, such as "
            f"'softmax'.{nearest(activation, known)}"
        ) from None
    return activation


def checked_classes(classes: Any) -> int:
    """A number of classes; integers of NumPy are accepted. Raises UserError for other values."""
    try:
        count = 0 if isinstance(classes, bool) else operator.index(classes)
    except TypeError:
        count = 0
    if count < 1:
        raise BadArgument(f"classes is {classes!r}: it must be a whole number, at least 1.")
    return count


def checked_pooling(pooling: Any) -> None:
    """Raises UserError if `pooling` is not None, "avg" or "max"."""
    if not (pooling is None or isinstance(pooling, str) and pooling in ("avg", "max")):
        raise BadArgument(f"pooling is {pooling!r}: it must be None, 'avg' or 'max'.")


def checked_preprocessing(net: Variant) -> Preprocessing:
    """The row's preprocessing. Raises UserError if its name is unknown."""
    if isinstance(net.preprocessing, Preprocessing):
        return net.preprocessing
    if not isinstance(net.preprocessing, str) or net.preprocessing not in PREPROCESSING:
        raise BadArgument(
            f"there is no preprocessing {net.preprocessing!r}: it must be one of {', '.join(PREPROCESSING)}."
        )
    return PREPROCESSING[net.preprocessing]
