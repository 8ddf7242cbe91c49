"""Divides a network with frozen layers into the part whose output never changes in training, and the rest."""

from typing import Any

import keras

from keras_cnns.graph.calls import Calls, graph_of
from keras_cnns.graph.keras_internals import input_structure, nodes_in_order, output_structure
from keras_cnns.support.errors import UnsupportedModel


def divide(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """(constant part, rest) of a functional network with frozen layers: `rest(constant(x))` is `model(x)`.

    The constant part has the frozen layers, and the layers without weights that follow them, such as pooling. Its
    output for a picture is the same in every step of a training. Dropout that is switched on is in the rest. Both parts
    use the layers of `model`.

    Raises:
      UnsupportedModel: no layer is frozen; nothing is left to train; or the constant part has several outputs.

    >>> constant, rest = divide(model)  # a MobileNetV2 that is frozen up to its classifier
    >>> constant.output.shape, [layer.name for layer in rest.layers[1:]]
    ((None, 1280), ['dropout', 'predictions'])
    """
    frozen = [layer for layer in model.layers if layer.weights and not layer.trainable]
    if not frozen:
        raise UnsupportedModel(f"{model.name} has no frozen layers, so no features can be kept: freeze some.")
    constant = {id(tensor) for tensor in model.inputs}
    ends: dict[int, keras.KerasTensor] = {}  # the tensors that go from one part to the other
    for node in nodes_in_order(graph_of(model)):
        if node.is_input:
            continue
        if _is_constant(node.operation) and all(id(tensor) in constant for tensor in node.input_tensors):
            constant |= {id(tensor) for tensor in node.output_tensors}
        else:
            ends |= {id(tensor): tensor for tensor in node.input_tensors if id(tensor) in constant}
    if any(id(tensor) in constant for tensor in model.outputs):
        raise UnsupportedModel(f"all layers of {model.name} are frozen: nothing is left to train.")
    if len(ends) > 1:
        raise UnsupportedModel(_several(model, frozen, list(ends.values())))
    (end,) = ends.values()
    constant_part = keras.Model(input_structure(model), end, name=f"{model.name}_constant")
    return constant_part, keras.Model(end, output_structure(model), name=f"{model.name}_rest")


def structure(model: keras.Model) -> list[list[Any]]:
    """What a functional network computes, apart from its weights, as plain values: the same for any names of layers."""
    first: dict[int, int] = {}
    calls = Calls(model)
    rows: list[list[Any]] = []
    for number, call in enumerate(calls):
        config = {name: value for name, value in call.operation.get_config().items() if name != "name"}
        layer = first.setdefault(id(call.operation), number)
        rows.append([call.operation.__module__, call.kind, layer, config, repr(call.args), repr(call.kwargs)])
    return [*rows, [repr(calls.result)]]


def _is_constant(operation: keras.Operation) -> bool:
    """Whether the result of a layer depends on its inputs alone, throughout a training."""
    if not isinstance(operation, keras.layers.Layer):
        return True
    return not _is_random(operation) and not (operation.weights and operation.trainable)


def _is_random(layer: keras.layers.Layer) -> bool:
    """Whether a layer draws random numbers in training: `weights` has no states of random generators."""
    return len(layer.variables) > len(layer.weights)


def _several(model: keras.Model, frozen: list, ends: list) -> str:
    last = model.layers.index(frozen[-1])
    random = next((layer.name for layer in model.layers[:last] if _is_random(layer)), None)
    if random:
        return (
            f"the frozen layers of {model.name} change in training: {random} drops at random. Switch it off with "
            "--overrides and the column of its rate, such as drop_connect 0."
        )
    return (
        f"the frozen layers of {model.name} have {len(ends)} outputs, and features are kept of one: freeze up to "
        "another layer, or compute them in each step."
    )
