"""Strict assignment: uses every array and sets every variable, with equal shapes; otherwise nothing changes."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.lazy_imports import keras, layers
from keras_cnns.support.validation import kind


def variables(model: Any) -> dict[str, Any]:
    """The model's variables by path ("conv1_conv/kernel"), without state that is not weights (random seeds)."""
    return {v.path: v for v in model.weights}


def assign(model: Any, tensors: dict[str, Any], *, source: str = "the weights") -> None:
    """Sets every variable of `model` from `tensors`, a dict of arrays by path.

    >>> keras_cnns.weights.assign(model, {v.path: np.zeros(v.shape) for v in model.weights})

    An array whose shape differs only in axes of length 1 (a dense layer kept as a 1x1 convolution) is reshaped.

    Args:
      model: a `keras.Model` that is built.
      tensors: {path of a variable: array}.
      source: where the arrays come from, for messages.

    Raises:
      UserError: arrays are missing, left over, of another shape, or not finite. The message names the first few. The
        model keeps its weights.
    """
    if not isinstance(model, keras.Model) or not isinstance(tensors, dict):
        raise UnreadableFile(
            f"a keras.Model and a dict of arrays by path are needed, not {kind(model)} and {kind(tensors)}."
        )
    targets = variables(model)
    missing, left = [p for p in targets if p not in tensors], [p for p in tensors if p not in targets]
    if missing or left:
        raise UnreadableFile(
            f"{source} are not those of {model.name}:"
            + (f" {len(missing)} missing ({_few(missing)})" if missing else "")
            + (" and" if missing and left else "")
            + (f" {len(left)} left over ({_few(left)})" if left else "")
            + "."
        )
    values = {}
    for path, variable in targets.items():
        value = np.asarray(tensors[path])
        if _squeezed(value.shape) != _squeezed(variable.shape):
            raise UnreadableFile(
                f"{source} do not fit {model.name}: {path} is {tuple(variable.shape)} here and {value.shape} there."
            )
        if not np.issubdtype(value.dtype, np.number):
            raise UnreadableFile(f"{source} holds no numbers for {path}, but {value.dtype}; nothing was loaded.")
        if not np.isfinite(value).all():
            raise UnreadableFile(
                f"{source} holds values that are not finite (NaN or infinity) in {path}: the training diverged or the "
                "file is damaged; nothing was loaded."
            )
        values[path] = value.reshape(variable.shape)
    for path, variable in targets.items():
        variable.assign(values[path])
    for layer in model.layers:
        if isinstance(layer, layers.Normalization):  # it computes with constants made from its variables
            layer.finalize_state()


def _squeezed(shape: Iterable[int]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def _few(names: list[str], count: int = 3) -> str:
    return ", ".join(names[:count]) + (", ..." if len(names) > count else "")
