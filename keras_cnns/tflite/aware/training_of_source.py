"""Finds training behaviour of a model that its quantization-aware form would lose: an error, or a warning."""

import warnings
from collections import Counter

import keras

from keras_cnns.graph.calls import Calls
from keras_cnns.graph.carried import can_be_made_again
from keras_cnns.graph.keras_internals import frozen_by_hand, sublayers
from keras_cnns.support.errors import UnsupportedModel

ROUNDING = 0.01  # of a sum of regularizers, by which equalized kernels may differ
STEPS = ("train_step", "test_step", "compute_loss", "compute_metrics")


def check_training(model: keras.Model) -> None:
    """Warns about a training step of the model's own, which the quantization-aware form does not have.

    Raises:
      UserError: a layer trains only some of its variables, as with LoRA; the message names it.
    """
    _refuse_partly_frozen(model)
    steps = [name for name in STEPS if _is_replaced(model, name)]
    if steps:
        warnings.warn(
            f"{model.name} has its own {' and '.join(steps)}, which its quantization-aware form does not have: "
            "it trains with the loss given to compile().",
            stacklevel=4,
        )


def check_weights(model: keras.Model, aware: keras.Model) -> None:
    """Warns about regularizers and constraints of weights of `model` that its quantization-aware form does not have.

    Weights that become part of another layer lose them: batch normalization that does not stand behind a convolution,
    and, where scaling is folded, the kernel beside it.
    """
    before, after = (sum(_cost(v) for v in each.trainable_variables) for each in (model, aware))
    lost = _missing("regularizer", model, aware) if before - after > ROUNDING * before else []
    lost += _missing("constraint", model, aware)
    if lost:
        warnings.warn(
            f"{model.name} has {', '.join(lost[:3])}{' ...' if len(lost) > 3 else ''}, which its quantization-aware "
            "form does not have, because these weights become part of other layers.",
            stacklevel=4,
        )


def _cost(variable: keras.Variable) -> float:
    return float(variable.regularizer(variable)) if getattr(variable, "regularizer", None) is not None else 0.0


def _missing(role: str, model: keras.Model, aware: keras.Model) -> list[str]:
    """The weights with a regularizer or constraint (`role`) for which `aware` has none of the same name and shape."""
    kept = Counter((v.name, tuple(v.shape)) for v in aware.trainable_variables if getattr(v, role, None) is not None)
    missing = []
    for variable in model.trainable_variables:
        key = variable.name, tuple(variable.shape)
        if getattr(variable, role, None) is None:
            continue
        if not kept[key]:
            missing.append(f"a {role} of {variable.path}")
        kept[key] -= 1
    return missing


def _refuse_partly_frozen(model: keras.Model) -> None:
    layers = {id(call.operation): call.operation for call in Calls(model) if isinstance(call.operation, keras.Layer)}
    for layer in layers.values():
        if not can_be_made_again(layer):
            continue  # it is copied with all its variables as they are
        for part in sublayers(layer):
            if getattr(part, "lora_enabled", False):
                raise UnsupportedModel(
                    f"layer {part.name!r} has LoRA, whose frozen kernel quantization-aware training would train: "
                    "give a model without LoRA whose kernels are those of the trained one (its layer.kernel)."
                )
            if frozen := frozen_by_hand(part):
                raise UnsupportedModel(
                    f"layer {part.name!r} is trainable but its {frozen[0].name} is not, which quantization-aware "
                    "training would train: set the layer's own trainable to False, or the variable's to True."
                )


def _is_replaced(model: keras.Model, name: str) -> bool:
    """Whether the model or its class has a method of its own in the place of Keras's."""
    method = vars(model).get(name) or getattr(type(model), name)
    return not getattr(method, "__module__", "").startswith("keras.")
