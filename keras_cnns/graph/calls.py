"""The calls of a functional model in the order of computation, nested models laid flat."""

from dataclasses import dataclass, field
from functools import partial

import keras
from keras import tree

from keras_cnns.graph.walk import in_order, walk
from keras_cnns.support.errors import UserError, nearest


@dataclass(frozen=True)
class Ref:
    """A value inside the network: output number `output` of call number `call`; `shape` has the batch in front."""

    call: int
    output: int = 0
    shape: tuple = field(default=(), compare=False)
    dtype: str = field(default="float32", compare=False)


@dataclass(frozen=True, eq=False)
class Call:
    """One use of a layer or of an operation; a layer that is shared has several.

    name: the path, nested models in front ("base/conv1"); from the second use on with its number ("conv1:2").
    args, kwargs: what it is called with, every value of the network a `Ref`.
    """

    name: str
    operation: object
    args: tuple
    kwargs: dict
    outputs: tuple
    first: bool = True

    @property
    def kind(self):
        return type(self.operation).__name__

    @property
    def inputs(self):
        """The `Ref`s among its arguments."""
        return [x for x in tree.flatten((self.args, self.kwargs)) if isinstance(x, Ref)]

    @property
    def shape(self):
        """Of its first output, without the batch."""
        return self.outputs[0].shape[1:]


class Calls(list):
    """All calls; `inputs` are the network's `Ref`s, `result` its outputs in their own structure (one, list, dict)."""

    def __init__(self, model):
        super().__init__()
        graph, self.name, self._ends, self._uses = functional(model), model.name, {}, {}
        self.inputs = [self._append(t.name, _input(t), (), {}, [t])[0] for t in graph.inputs]
        values = {id(t): ref for t, ref in zip(graph.inputs, self.inputs, strict=True)}
        walk(graph, values, self._called, inside=partial(functional, nested=True), taken=in_order, left=self._left)
        self.result = tree.map_structure(lambda t: values[id(t)], graph._outputs_struct)

    def find(self, name) -> int:
        """The number of the call named `name`: a path, its last part where only one has it, or a nested model.

        Raises:
          UserError: there is none, or several.
        """
        if name in self._ends:
            return self._ends[name]
        found = [i for i, call in enumerate(self) if call.name == name]
        found = found or [i for i, call in enumerate(self) if call.name.rsplit("/", 1)[-1] == name]
        if len(found) == 1:
            return found[0]
        names = [call.name for call in self]
        if found:
            raise UserError(f"{self.name} has several layers {name!r}: say {', '.join(names[i] for i in found[:4])}.")
        lasts = [n for n in names if n.rsplit("/", 1)[-1] not in names] and [n.rsplit("/", 1)[-1] for n in names]
        raise UserError(
            f"{self.name} has no layer {name!r}.{nearest(name, dict.fromkeys(names + lasts))}"
            f" `keras-cnns show MODEL --layers` lists them."
        )

    def _append(self, name, operation, args, kwargs, tensors):
        seen = self._uses[id(operation)] = self._uses.get(id(operation), -1) + 1
        outputs = tuple(Ref(len(self), i, tuple(t.shape), str(t.dtype)) for i, t in enumerate(tensors))
        self.append(Call(f"{name}:{seen + 1}" if seen else name, operation, args, kwargs, outputs, not seen))
        return outputs

    def _called(self, node, args, kwargs, path):
        kwargs = {key: value for key, value in kwargs.items() if key != "mask"}
        operation = node.operation
        return self._append(path + operation.name, operation, args, kwargs, self._outputs(node, args, kwargs))

    def _left(self, path, results):
        self._ends[path] = results[0].call

    @staticmethod
    def _outputs(node, args, kwargs):
        """The node's outputs; worked out anew where a nested model is called on another size than it was made for."""
        refs = [x for x in tree.flatten((args, kwargs)) if isinstance(x, Ref)]
        if all(tuple(t.shape) == ref.shape for t, ref in zip(node.input_tensors, refs, strict=True)):
            return node.outputs
        args, kwargs = tree.map_structure(
            lambda x: keras.KerasTensor(x.shape, x.dtype) if isinstance(x, Ref) else x, (args, kwargs)
        )
        return tree.flatten(node.operation.compute_output_spec(*args, **kwargs))


def functional(model, *, nested=False):
    """The object that holds the graph of `model`; None for a nested model that has none (it is one call then).

    Raises:
      UserError: there is no graph to look into.
    """
    if isinstance(model, keras.Sequential):
        if model.built and model._functional is not None:
            return model._functional
        wrong = f"model {model.name!r} has no input shape yet: add keras.Input as its first layer."
    elif isinstance(model, keras.Model):
        base = next((c for c in type(model).__mro__ if c.__name__ == "Functional"), None)
        if base is not None and type(model).call is base.call:
            return model
        if nested:
            return None
        wrong = f"{model.name} has no graph of layers to show: build it as keras.Model(inputs, outputs)."
    else:
        wrong = (
            f"{type(model).__module__}.{type(model).__name__} is not a Keras 3 model: give a functional keras.Model."
        )
    raise UserError(wrong)


def _input(tensor):
    """The InputLayer of a model's input."""
    return tensor._keras_history.operation
