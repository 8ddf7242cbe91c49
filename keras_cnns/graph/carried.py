"""Layers that are copied as they are, because their configuration may not describe all they do."""

import copy
import inspect
from collections.abc import Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import keras
import numpy as np

from keras_cnns.graph.keras_internals import forget_calls, sublayers

OWN = ("keras.", "keras_cnns.")  # layers of these packages can be rebuilt from their configuration
_WRAPPED = ("build", "quantize")  # methods that Keras replaces on every layer
_SHARED = (type, ModuleType, FunctionType)
_CALLS = ("_inbound_nodes", "_outbound_nodes")


class Carried:
    """The `call` of a node whose layer, or a part of it, is foreign: from neither Keras nor this package."""

    def __init__(self, layer: keras.layers.Layer) -> None:
        self.layer = layer
        self.__name__ = type(layer).__name__  # classes and functions, the other values of `Node.call`, have it too

    def copied(self, name: str) -> keras.layers.Layer:
        """A copy of the layer, in float32, with variables of its own."""
        return duplicate(self.layer, name)


def can_be_made_again(layer: keras.layers.Layer) -> bool:
    """Whether `from_config` rebuilds the layer: it and all its parts and functions come from Keras or this package."""
    parts = sublayers(layer)
    if any(isinstance(part, keras.layers.Lambda) for part in parts):
        return False
    return all(_own(type(part)) and not replaced(part) and all(map(_own, _functions(part))) for part in parts)


def replaced(layer: keras.layers.Layer) -> bool:
    """Whether a method of this one layer was replaced by another function."""
    methods = (key for key, value in vars(layer).items() if key not in _WRAPPED and callable(value))
    return any(inspect.isfunction(getattr(type(layer), key, None)) for key in methods)


def _own(thing: Any) -> bool:
    """Whether a class or function comes from Keras or this package."""
    return (getattr(thing, "__module__", None) or "").startswith(OWN)


def _functions(layer: keras.layers.Layer) -> list:
    """The functions that were passed to the layer."""
    return [value for key in ("activation", "recurrent_activation") if (value := vars(layer).get(key)) is not None]


def copy_operation(operation: keras.Operation) -> keras.Operation:
    """A copy without calls. `copy.copy` would use the configuration, which may be incomplete."""
    twin = object.__new__(type(operation))
    twin.__dict__.update(vars(operation))
    forget_calls(twin)
    return twin


def duplicate(layer: keras.layers.Layer, name: str) -> keras.layers.Layer:
    """A deep copy of a built layer, named `name`: computes in float32, has variables of its own and no calls."""
    parts = sublayers(layer)
    copies = {id(part): object.__new__(type(part)) for part in parts}
    for part in parts:
        variables = (
            *part._trainable_variables,
            *part._non_trainable_variables,
            *(s.state for s in part._seed_generators),
        )
        copies.update({id(variable): _variable(variable) for variable in variables if id(variable) not in copies})
    containers = [container for part in parts for container in _tracked(list(vars(part).values()))]
    copies.update({id(container): _empty(container) for container in containers})
    for part in parts:
        twin = vars(copies[id(part)])
        twin.update({key: _copied(value, copies) for key, value in vars(part).items() if key not in _CALLS})
        twin.update({key: [] for key in _CALLS})
    for container in containers:
        _fill(copies[id(container)], container, copies)
    for part in parts:
        _reset_tracker(copies[id(part)]._tracker)
    twin = copies[id(layer)]
    vars(twin)["name"] = name
    for part in sublayers(twin):
        if part.compute_dtype in ("float16", "bfloat16", "float64"):
            part.dtype_policy = "float32"
    return twin


def _copied(value: Any, copies: dict) -> Any:
    """A deep copy. What cannot be copied, such as a module or a lock, is shared; the object that holds it is copied."""
    count = len(copies)
    try:
        return copy.deepcopy(value, copies)
    except Exception:  # a user's class may raise anything
        while len(copies) > count:  # a copy that failed midway leaves unfinished objects in the memo
            copies.popitem()
        return _copied_by_parts(value, copies)


def _copied_by_parts(value: Any, copies: dict) -> Any:
    """A copy of a container or object, some part of which cannot be copied. Only that part is shared."""
    kind = type(value)
    if kind in (list, tuple):
        return kind(_copied(part, copies) for part in value)
    if kind is dict:
        return {key: _copied(part, copies) for key, part in value.items()}
    if isinstance(value, _SHARED) or not hasattr(value, "__dict__") or hasattr(kind, "__deepcopy__"):
        return value
    try:
        twin = copies[id(value)] = object.__new__(kind)
    except TypeError:  # a class written in C
        return value
    vars(twin).update({key: _copied(part, copies) for key, part in vars(value).items()})
    return twin


def _tracked(values: Iterable, seen: set | None = None) -> Iterator:
    """The lists, dicts and sets among the values, nested ones too, in which Keras tracks the state of a layer."""
    seen = set() if seen is None else seen
    for value in values:
        if isinstance(value, (list, tuple, dict, set)) and id(value) not in seen:
            seen.add(id(value))
            if hasattr(value, "tracker"):
                yield value
            yield from _tracked(list(value.values()) if isinstance(value, dict) else list(value), seen)


def _empty(container: Any) -> Any:
    """An object of the class of `container`, not initialized."""
    kind: Any = type(container)
    return kind.__new__(kind)


def _fill(twin: Any, container: Any, copies: dict) -> None:
    """Fills `twin` with copies of the values of `container`, without notifying its tracker, which is copied too."""
    if isinstance(container, dict):
        dict.update(twin, {key: _copied(value, copies) for key, value in container.items()})
    elif isinstance(container, list):
        list.extend(twin, [_copied(value, copies) for value in container])
    else:
        set.update(twin, {_copied(value, copies) for value in container})
    twin.tracker = copy.deepcopy(container.tracker, copies)


def _reset_tracker(tracker: Any) -> None:
    """Makes the tracker of a copied layer refer to the variables of the copy."""
    tracker.stored_ids = {name: {id(value) for value in store} for name, (_, store) in tracker.config.items()}


def _variable(variable: keras.Variable) -> keras.Variable:
    """A copy of a variable, with its value."""
    return keras.Variable(
        np.asarray(keras.ops.convert_to_numpy(variable)),
        dtype=variable.dtype,
        trainable=variable.trainable,
        autocast=getattr(variable, "_autocast", True),
        aggregation=getattr(variable, "aggregation", None),
        name=variable.name,
    )
