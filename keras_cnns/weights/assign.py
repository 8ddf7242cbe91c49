"""Strict assignment: every tensor used, every variable set, every shape right - or nothing is changed."""

import numpy as np

from keras_cnns.support.errors import UserError
from keras_cnns.support.validation import kind


def variables(model):
    """The model's variables by path ("conv1_conv/kernel"). State that is not weights (random seeds) is left out."""
    return {v.path: v for v in model.weights}


def assign(model, tensors, *, source="the weights"):
    """Sets every variable of `model` from `tensors`, a dict of arrays by path.

    A tensor whose shape differs only by axes of length 1 (a dense layer kept as a 1x1 convolution) is reshaped.

    Raises:
      UserError: names missing, left over, or of another shape, or values that are not finite; it names the first few,
        and the model keeps the weights it had.
    """
    if not hasattr(model, "weights") or not isinstance(tensors, dict):
        raise UserError(
            f"a keras.Model and a dict of arrays by path are needed, not {kind(model)} and {kind(tensors)}."
        )
    targets = variables(model)
    missing, left = [p for p in targets if p not in tensors], [p for p in tensors if p not in targets]
    if missing or left:
        raise UserError(
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
            raise UserError(
                f"{source} do not fit {model.name}: {path} is {tuple(variable.shape)} here and {value.shape} there."
            )
        if not np.issubdtype(value.dtype, np.number) or not np.isfinite(value).all():
            raise UserError(
                f"{source} hold values that are not finite: {path}. The file is damaged; nothing was loaded."
            )
        values[path] = value.reshape(variable.shape)
    for path, variable in targets.items():
        variable.assign(values[path])
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):  # Normalization computes with constants made from its variables
            layer.finalize_state()


def _squeezed(shape):
    return tuple(n for n in shape if n != 1)


def _few(names, count=3):
    return ", ".join(names[:count]) + (", ..." if len(names) > count else "")
