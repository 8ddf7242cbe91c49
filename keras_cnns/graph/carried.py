"""Layers that are taken over themselves, as copies, because nothing proves that their config says all they do."""

import copy
import inspect
from types import FunctionType, ModuleType

import keras
import numpy as np

from keras_cnns.graph.keras_internals import forget_calls, sublayers

OWN = ("keras.", "keras_cnns.")  # what comes from these can be made again from its config
_WRAPPED = ("build", "quantize")  # by Keras itself, on every layer
_SHARED = (type, ModuleType, FunctionType)
_CALLS = ("_inbound_nodes", "_outbound_nodes")


class Carried:
    """Stands as `call` of a node: a layer of somebody else's, or one that holds something of somebody else's."""

    def __init__(self, layer):
        self.layer = layer
        self.__name__ = type(layer).__name__  # as classes and functions have one

    def copied(self, name):
        """A copy of the layer, in float32, which shares nothing that is trained with it."""
        return duplicate(self.layer, name)


def can_be_made_again(layer):
    """Whether the layer and all it holds are Keras's own (or this package's), functions they were given included."""
    parts = sublayers(layer)
    if any(isinstance(part, keras.layers.Lambda) for part in parts):
        return False
    return all(_own(type(part)) and not replaced(part) and all(map(_own, _functions(part))) for part in parts)


def replaced(layer):
    """Whether somebody put a method of his own in the place of the class's, on this one layer."""
    methods = (key for key, value in vars(layer).items() if key not in _WRAPPED and callable(value))
    return any(inspect.isfunction(getattr(type(layer), key, None)) for key in methods)


def _own(thing):
    return (getattr(thing, "__module__", None) or "").startswith(OWN)


def _functions(layer):
    """What somebody may have given to the layer to call."""
    return [value for key in ("activation", "recurrent_activation") if (value := vars(layer).get(key)) is not None]


def copy_operation(operation):
    """A copy without calls; `copy.copy` would go by the config, which need not say all."""
    twin = object.__new__(type(operation))
    twin.__dict__.update(vars(operation))
    forget_calls(twin)
    return twin


def duplicate(layer, name):
    """A deep copy of a built layer that computes in float32, with variables of its own and no calls."""
    parts = sublayers(layer)
    known = {id(part): object.__new__(type(part)) for part in parts}
    for part in parts:
        own = (*part._trainable_variables, *part._non_trainable_variables, *(s.state for s in part._seed_generators))
        known.update({id(variable): _variable(variable) for variable in own if id(variable) not in known})
    containers = [held for part in parts for held in _tracked(list(vars(part).values()))]
    known.update({id(held): type(held).__new__(type(held)) for held in containers})
    for part in parts:
        twin = vars(known[id(part)])
        twin.update({key: _copied(value, known) for key, value in vars(part).items() if key not in _CALLS})
        twin.update({key: [] for key in _CALLS})
    for held in containers:
        _fill(known[id(held)], held, known)
    for part in parts:
        _count_anew(known[id(part)]._tracker)
    twin = known[id(layer)]
    vars(twin)["name"] = name
    for part in sublayers(twin):
        if part.compute_dtype in ("float16", "bfloat16", "float64"):
            part.dtype_policy = "float32"
    return twin


def _copied(value, known):
    """A deep copy; what cannot be copied, such as a module or a lock, is shared. What holds it is copied around it."""
    count = len(known)
    try:
        return copy.deepcopy(value, known)
    except Exception:  # a user's class may raise anything
        while len(known) > count:  # a copy that failed midway leaves unfinished objects in the memo
            known.popitem()
        return _copied_by_parts(value, known)


def _copied_by_parts(value, known):
    """A copy of a container or an object of which some part cannot be copied; that part alone is shared."""
    kind = type(value)
    if kind in (list, tuple):
        return kind(_copied(part, known) for part in value)
    if kind is dict:
        return {key: _copied(part, known) for key, part in value.items()}
    if isinstance(value, _SHARED) or not hasattr(value, "__dict__") or hasattr(kind, "__deepcopy__"):
        return value
    try:
        twin = known[id(value)] = object.__new__(kind)
    except TypeError:  # a class written in C
        return value
    vars(twin).update({key: _copied(part, known) for key, part in vars(value).items()})
    return twin


def _tracked(values, seen=None):
    """The lists, dicts and sets among the values, and inside them, by which Keras keeps account of a layer's state."""
    seen = set() if seen is None else seen
    for value in values:
        if isinstance(value, (list, tuple, dict, set)) and id(value) not in seen:
            seen.add(id(value))
            if hasattr(value, "tracker"):
                yield value
            yield from _tracked(list(value.values()) if isinstance(value, dict) else list(value), seen)


def _fill(twin, held, known):
    """Puts copies of what `held` holds into its twin, past the account, which is copied as it is."""
    if isinstance(held, dict):
        dict.update(twin, {key: _copied(value, known) for key, value in held.items()})
    elif isinstance(held, list):
        list.extend(twin, [_copied(value, known) for value in held])
    else:
        set.update(twin, {_copied(value, known) for value in held})
    twin.tracker = copy.deepcopy(held.tracker, known)


def _count_anew(tracker):
    """The account of a copied layer names what the copy holds."""
    tracker.stored_ids = {name: {id(value) for value in store} for name, (_, store) in tracker.config.items()}


def _variable(variable):
    return keras.Variable(
        np.asarray(keras.ops.convert_to_numpy(variable)),
        dtype=variable.dtype,
        trainable=variable.trainable,
        autocast=getattr(variable, "_autocast", True),
        aggregation=getattr(variable, "aggregation", None),
        name=variable.name,
    )
