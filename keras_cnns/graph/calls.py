"""A functional Keras model as a sequence of calls in the order of computation: the only reader of Keras's graph.

All that looks into a model stands on `Calls`. The profile and the maps of `insight` use the sequence as it is: each
call with the layer object itself, which can be executed. The export needs another form, in which nodes are values that
can be replaced, and in which float16 has become float32; `graph/reader.py` makes it from `Calls`. So nested models are
laid flat here and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

import keras
from keras import tree

from keras_cnns.graph.keras_internals import (
    functional_inside,
    input_structure,
    nodes_in_order,
    output_structure,
    producer,
)
from keras_cnns.graph.kinds import FUNCTIONAL
from keras_cnns.support.errors import BadArgument, UnsupportedModel, nearest


@dataclass(frozen=True)
class Ref:
    """A value inside the network: output number `output` of call number `call`.

    shape: with the batch in front, None where a size is open. dtype: as Keras recorded it.
    adapted: (shape, dtype) of each nested model's input that the value went through and did not match. Keras casts it
      there, and adds or removes a last axis of length one.
    """

    call: int
    output: int = 0
    shape: tuple = field(default=(), compare=False)
    dtype: str = field(default="float32", compare=False)
    adapted: tuple = field(default=(), compare=False)


@dataclass(frozen=True, eq=False)
class Call:
    """One use of a layer or of an operation; a shared layer has several.

    name: the path, nested models in front ("base/conv1"); from the second use on with its number ("conv1:2").
    args, kwargs: its arguments; every value of the network is a `Ref`. `training` and `mask` are left out.
    outputs: a `Ref` for each result. first: whether it is the first use of its layer.
    mask: {"mask": value} where the call has a mask. node: Keras's own record of the call (None for an input).
    """

    name: str
    operation: Any
    args: tuple
    kwargs: dict
    outputs: tuple[Ref, ...]
    first: bool = True
    mask: dict = field(default_factory=dict)
    node: Any = None

    @property
    def kind(self) -> str:
        """The class of the layer or operation, for people; code compares classes (`kinds.py`)."""
        return type(self.operation).__name__

    @property
    def inputs(self) -> list[Ref]:
        """The `Ref`s among its arguments."""
        return _refs((self.args, self.kwargs))

    @property
    def shape(self) -> tuple:
        """Of its first output, without the batch."""
        return self.outputs[0].shape[1:]


class Calls(Sequence[Call]):
    """All calls of a model, each after those it depends on; nested models are laid flat.

    name: of the model. inputs: a `Ref` for each of its inputs. input_structure, result: the `Ref`s of inputs and
    outputs in the model's own nesting (a single value, a list, a dict).

    >>> [call.name for call in Calls(keras_cnns.build("lenet5"))][:2]
    ['image', 'c1_conv']

    Args:
      model: a functional or built Sequential model.
      recorded: shapes are those that Keras recorded. False: they are computed again inside a nested model that is
        called on another size than it was built for.

    Raises:
      UserError: the model has no graph of layers.
    """

    def __init__(self, model: keras.Model, *, recorded: bool = False) -> None:
        graph = graph_of(model)
        self.name = model.name
        self._calls: list[Call] = []
        self._recorded = recorded
        self._ends: dict[str, int] = {}  # path of a nested model -> number of the call that gives its first result
        self._uses: dict[int, int] = {}  # id of an operation -> how often it was called so far
        self.inputs = [self._append(t.name, producer(t), [t])[0] for t in graph.inputs]
        values = {id(t): ref for t, ref in zip(graph.inputs, self.inputs, strict=True)}
        self.input_structure = tree.map_structure(lambda t: values[id(t)], input_structure(graph))
        self._walk(graph, values, "")
        self.result = tree.map_structure(lambda t: values[id(t)], output_structure(graph))

    @overload
    def __getitem__(self, number: int) -> Call: ...

    @overload
    def __getitem__(self, number: slice) -> list[Call]: ...

    def __getitem__(self, number: int | slice) -> Call | list[Call]:
        return self._calls[number]

    def __len__(self) -> int:
        return len(self._calls)

    def find(self, name: str) -> int:
        """The number of the call named `name`: a path, its last part if no other has it, or a nested model.

        Raises:
          UserError: there is none, or several.
        """
        if name in self._ends:
            return self._ends[name]
        matches = [i for i, call in enumerate(self) if call.name == name]
        matches = matches or [i for i, call in enumerate(self) if call.name.rsplit("/", 1)[-1] == name]
        if len(matches) == 1:
            return matches[0]
        names = [call.name for call in self]
        if matches:
            paths = ", ".join(names[i] for i in matches[:4])
            raise BadArgument(f"{self.name} has several layers {name!r}: give the path of one of them: {paths}.")
        last_parts = [path.rsplit("/", 1)[-1] for path in names]
        raise UnsupportedModel(
            f"{self.name} has no layer {name!r}.{nearest(name, dict.fromkeys(names + last_parts))}"
            " `keras-cnns show MODEL --layers` lists them."
        )

    def _walk(self, graph: keras.Model, values: dict[int, Ref], path: str) -> list[Ref]:
        """Appends the calls of `graph` and of the models nested in it; returns the values of its outputs.

        values: id of a Keras tensor -> its value; those of the graph's inputs are there. path: names of the models
        around it, each with a "/" behind.
        """
        for node in nodes_in_order(graph):
            operation = node.operation
            if operation is None or node.is_input or any(id(t) not in values for t in node.input_tensors):
                continue
            args, kwargs = tree.map_structure(
                lambda x: values[id(x)] if isinstance(x, keras.KerasTensor) else x,
                (node.arguments.args, node.arguments.kwargs),
            )
            kwargs.pop("training", None)  # Keras 3 uses the value that the outermost model is called with
            inner = graph_of(operation, nested=True) if isinstance(operation, keras.Model) else None
            if inner is None:
                results = self._call(node, args, kwargs, path)
            else:
                arguments = _in_order(inner, args[0] if args else kwargs["inputs"])
                entered = [_adapted(ref, tensor) for ref, tensor in zip(arguments, inner.inputs, strict=True)]
                inner_values = dict(zip(map(id, inner.inputs), entered, strict=True))
                results = tuple(self._walk(inner, inner_values, f"{path}{operation.name}/"))
                self._ends[f"{path}{operation.name}"] = results[0].call
            values.update(zip(map(id, node.outputs), results, strict=True))
        return [values[id(t)] for t in graph.outputs]

    def _call(self, node: Any, args: tuple, kwargs: dict[str, Any], path: str) -> tuple[Ref, ...]:
        tensors = node.outputs if self._recorded else _results(node, args, kwargs)
        mask = {"mask": kwargs.pop("mask")} if "mask" in kwargs else {}
        return self._append(path + node.operation.name, node.operation, tensors, args, kwargs, mask, node)

    def _append(
        self,
        name: str,
        operation: Any,
        tensors: Sequence[keras.KerasTensor],
        args: tuple = (),
        kwargs: dict[str, Any] | None = None,
        mask: dict[str, Any] | None = None,
        node: Any = None,
    ) -> tuple[Ref, ...]:
        use = self._uses[id(operation)] = self._uses.get(id(operation), -1) + 1
        outputs = tuple(Ref(len(self), i, tuple(t.shape), str(t.dtype)) for i, t in enumerate(tensors))
        name = f"{name}:{use + 1}" if use else name
        self._calls.append(Call(name, operation, tuple(args), kwargs or {}, outputs, not use, mask or {}, node))
        return outputs


def graph_of(model: object, *, nested: bool = False) -> Any:
    """The functional model that holds the graph of `model`.

    nested: return None for a model that has no graph; such a model is a single call.

    Raises:
      UserError: there is no graph to look into.
    """
    if not isinstance(model, keras.Model):
        raise BadArgument(
            f"{type(model).__module__}.{type(model).__name__} is not a Keras 3 model: give a functional keras.Model."
        )
    if isinstance(model, keras.Sequential):
        if functional_inside(model) is None:
            raise UnsupportedModel(f"model {model.name!r} has no input shape yet: add keras.Input as its first layer.")
        return functional_inside(model)
    if isinstance(model, FUNCTIONAL) and type(model).call is FUNCTIONAL.call:
        return model
    if nested:
        return None
    raise UnsupportedModel(
        f"{type(model).__name__} {model.name!r} is a subclassed model, which has no graph of layers: "
        "build it as keras.Model(inputs, outputs)."
    )


def _refs(structure: Any) -> list[Ref]:
    return [x for x in tree.flatten(structure) if isinstance(x, Ref)]


def _in_order(inner: keras.Model, argument: Any) -> list[Ref]:
    """The values that a nested model is called with, in the order of its inputs, as Keras sorts them."""
    names = input_structure(inner)
    if isinstance(argument, dict) and not isinstance(names, dict):
        return [argument[tensor.name] for tensor in inner.inputs]
    if isinstance(argument, dict):
        argument = {key: argument[key] for key in names}
    return tree.flatten(argument)


def _adapted(ref: Ref, tensor: keras.KerasTensor) -> Ref:
    """The value as the input `tensor` of a nested model takes it."""
    if ref.dtype == tensor.dtype and len(ref.shape) == len(tensor.shape):
        return ref
    shape = ref.shape
    if len(shape) != len(tensor.shape):
        shape = shape[:-1] if len(shape) > len(tensor.shape) else (*shape, 1)
    return replace(ref, shape=shape, dtype=tensor.dtype, adapted=(*ref.adapted, (tuple(tensor.shape), tensor.dtype)))


def _results(node: Any, args: tuple, kwargs: dict[str, Any]) -> list[keras.KerasTensor]:
    """The results of a call; computed again where the sizes of its inputs are not those that Keras recorded."""
    if all(tuple(t.shape) == ref.shape for t, ref in zip(node.input_tensors, _refs((args, kwargs)), strict=True)):
        return node.outputs
    args, kwargs = tree.map_structure(
        lambda x: keras.KerasTensor(x.shape, x.dtype) if isinstance(x, Ref) else x, (args, kwargs)
    )
    return tree.flatten(node.operation.compute_output_spec(*args, **kwargs))
