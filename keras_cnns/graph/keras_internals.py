"""The private attributes of Keras that this package reads: here and in the other files of `graph/`, and nowhere else.

Keras 3 keeps what connects its layers in attributes without a public name. A release of Keras that renames one of them
breaks this folder alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # listing the networks must not load Keras
    import keras
    import numpy as np


def producer(tensor: keras.KerasTensor) -> keras.Operation:
    """The layer or operation that computes a symbolic tensor.

    >>> producer(model.outputs[0]).name
    'predictions'
    """
    return tensor._keras_history.operation


def producing_call(tensor: keras.KerasTensor) -> Any:
    """The Keras node of the one call that computes `tensor`; see `calls_of`."""
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index]


def calls_of(operation: keras.Operation) -> list[Any]:
    """The Keras nodes of all symbolic calls of a layer, in the order in which they were made.

    A node has `arguments`, `input_tensors` and `output_tensors`.
    """
    return list(operation._inbound_nodes)


def nodes_in_order(model: keras.Model) -> Iterator[Any]:
    """The Keras nodes of a functional model in the order of computation."""
    depths = model._nodes_by_depth
    return (node for depth in sorted(depths, reverse=True) for node in depths[depth])


def functional_inside(model: keras.Sequential) -> keras.Model | None:
    """The functional model that holds the graph of a Sequential one; None while it is not built."""
    return model._functional if model.built else None


def input_structure(model: keras.Model) -> Any:
    """The input tensors of a functional or built Sequential model in their own nesting: one, a list, a dict ..."""
    return getattr(model, "_functional", model)._inputs_struct


def output_structure(model: keras.Model) -> Any:
    """The output tensors of a functional or built Sequential model in their own nesting."""
    return getattr(model, "_functional", model)._outputs_struct


def sublayers(layer: keras.Layer, *, include_self: bool = True) -> list[keras.Layer]:
    """A layer or model and all layers that it holds, at any depth."""
    return list(layer._flatten_layers(include_self=include_self))


def frozen_by_hand(layer: keras.Layer) -> list[keras.Variable]:
    """The variables that a trainable layer does not train although its class does, as after `enable_lora`."""
    return [variable for variable in layer._trainable_variables if layer.trainable and not variable.trainable]


def takes_training(layer: keras.Layer) -> bool:
    """Whether the layer's `call` has an argument `training`."""
    return bool(getattr(layer, "_call_has_training_arg", False))


def is_masked(tensor: keras.KerasTensor) -> bool:
    """Whether a mask of time steps comes with a symbolic tensor."""
    return getattr(tensor, "_keras_mask", None) is not None


def forget_calls(operation: keras.Operation) -> None:
    """Removes the record of an operation's symbolic calls, as a fresh copy needs it."""
    operation._inbound_nodes, operation._outbound_nodes = [], []


def thread_state() -> tuple[Any, ...]:
    """The thread-local objects in which Keras keeps its settings (dtype policy, scopes of custom objects ...)."""
    from keras.src.backend.common import global_state

    return (global_state.GLOBAL_STATE_TRACKER,)


def array_of(variable: keras.Variable) -> np.ndarray:
    """The values of a variable as they are now; a later change leaves the array as it is.

    With TensorFlow nothing is copied, and the array cannot be written to: `variable.numpy()` copies.
    """
    import keras
    import numpy as np

    value = variable.value
    return np.asarray(value.read_value() if hasattr(value, "read_value") else keras.ops.convert_to_numpy(value))
