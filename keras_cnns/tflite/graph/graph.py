"""A finished Keras 3 model as a plain graph that can be rewritten, and the model made of it again.

`read` takes the model apart: one `Node` per call, its weights as numpy arrays, nested models laid flat. What
prepares, quantizes or translates a model edits those nodes; `Graph.build` makes a new Keras model of them.
The source model is only read.
"""

import copy
from types import FunctionType

import keras
import numpy as np
from keras import layers, ops, tree

from keras_cnns.errors import UserError

# Elementwise calls of `keras.ops` (and Python's operators), by the name of Keras's operation.
_ARITHMETIC = {"Add": ops.add, "Multiply": ops.multiply, "Subtract": ops.subtract}
_ACTIVATIONS = {
    **{name: name.lower() for name in ("Relu", "Relu6", "Sigmoid", "Tanh", "Silu", "Elu", "Selu", "Softplus", "Exp")},
    **{"HardSilu": "hard_silu", "HardSwish": "hard_silu", "Swish": "silu", "HardSigmoid": "hard_sigmoid"},
}


class Node:
    """One call: what is called, its arguments (other nodes stand for tensors), the weights it holds.

    call: a Keras layer class, a function of `keras.ops`, or an operation object that is carried over as it is.
    config: the layer's constructor arguments. shape: of the (first) output, batch first, None where unknown.
    shared: what the calls of one shared layer have in common; such nodes become one layer again where they
      still agree in everything when the model is built.
    """

    def __init__(self, call, args, *, kwargs=None, config=None, weights=(), name=None, shape=None, shared=None):
        self.call, self.args, self.kwargs = call, args, kwargs or {}
        self.config, self.weights = dict(config or {}), list(weights)
        self.name, self.shape, self.shared = name, shape, shared
        self.origin = name  # the layer of the source model this came from
        self.many = False  # several outputs: only `_Item` nodes take them

    def __repr__(self):
        return f"<{self.kind} {self.name}>"

    @property
    def kind(self):
        """The class or function name: "Conv2D", "add"; of one result of several, that of the operation."""
        if isinstance(self.call, _Item):
            return self.input.kind
        return getattr(self.call, "__name__", type(self.call).__name__)

    @property
    def inputs(self):
        """The nodes whose outputs this one takes, in order, with repetition."""
        if len(self.args) == 1 and isinstance(self.args[0], Node):
            return [self.args[0]]
        return [x for x in tree.flatten((self.args, self.kwargs)) if isinstance(x, Node)]

    @property
    def input(self):
        """The first of them."""
        return self.inputs[0]

    def is_a(self, *calls):
        """Whether this calls exactly one of these layer classes or functions (no subclasses)."""
        return any(self.call is c for c in calls)


class _Item:
    """Stands as `call` of a node that picks one output of a node with several."""

    def __init__(self, index):
        self.index = index


class Graph:
    """Nodes, reachable from `outputs`; `inputs` and `outputs` have the nesting the model's have."""

    def __init__(self, inputs, outputs, name):
        self.inputs, self.outputs, self.name = inputs, outputs, name

    @property
    def nodes(self):
        """Every node the outputs need, each after what it takes."""
        order, seen = [], set()
        stack = [(n, False) for n in reversed(tree.flatten((self.inputs, self.outputs)))]
        while stack:
            node, expanded = stack.pop()
            if expanded:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, True))
                stack.extend((n, False) for n in reversed(node.inputs))
        return order

    def copy(self):
        """Another graph of copied nodes; the arrays are the same."""
        now = {}
        for node in self.nodes:
            now[node] = twin = copy.copy(node)
            twin.config, twin.weights = dict(node.config), list(node.weights)
            twin.args, twin.kwargs = tree.map_structure(
                lambda x: now[x] if isinstance(x, Node) else x, (node.args, node.kwargs)
            )
        return Graph(tree.map_structure(now.get, self.inputs), tree.map_structure(now.get, self.outputs), self.name)

    def uses(self):
        """Node -> how many calls take its output; being an output of the model counts as one."""
        uses = dict.fromkeys(self.nodes, 0)
        for node in list(uses):
            for taken in node.inputs:
                uses[taken] += 1
        for node in tree.flatten(self.outputs):
            uses[node] += 1
        return uses

    def rewrite(self, rule):
        """Puts `rule(node, uses)` in the place of every node, each after what it takes; None leaves the node.

        A rule sees a node whose inputs are rewritten already, so it looks backward: what it needs of what follows
        is `uses`, how many calls will take a node.
        """
        uses, now = self.uses(), {}
        for node in self.nodes:
            node.args, node.kwargs = tree.map_structure(
                lambda x: now[x] if isinstance(x, Node) else x, (node.args, node.kwargs)
            )
            now[node] = rule(node, uses) or node
            if now[node] is not node:
                uses[now[node]] = uses[node] + uses.get(now[node], 1) - 1
        self.outputs = tree.map_structure(now.get, self.outputs)
        return self

    def build(self, *, make=None, name=None):
        """The Keras model of this graph.

        make: called with (node, name) to make the layer of a node; None from it means the ordinary way.
        """
        names, tensors, made = _Names(), {}, {}
        for node in self.nodes:
            tensors[node] = self._call(node, tensors, names, made, make)
        inputs, outputs = (tree.map_structure(tensors.get, x) for x in (self.inputs, self.outputs))
        return keras.Model(inputs, outputs, name=name or self.name)

    def _call(self, node, tensors, names, made, make):
        args, kwargs = tree.map_structure(lambda x: tensors[x] if isinstance(x, Node) else x, (node.args, node.kwargs))
        if isinstance(node.call, _Item):
            return tree.flatten(args[0])[node.call.index]
        if node.is_a(layers.InputLayer):
            config = node.config
            return keras.Input(batch_shape=config["batch_shape"], dtype=config["dtype"], name=names(node.name))
        if isinstance(node.call, FunctionType):
            tensor = node.call(*args, **kwargs)
            tensor._keras_history.operation.name = names(node.name)
            return tensor
        if not isinstance(
            node.call, type
        ):  # an operation without weights: a copy, so that the source gets no new calls
            operation = copy.copy(node.call)
            operation._inbound_nodes, operation._outbound_nodes = [], []
            operation.name = names(node.name)
            return operation(*args, **kwargs)
        for twin, layer in made.get(node.shared, ()):
            if node.shared is not None and _same(node, twin):
                return layer(*args, **kwargs)
        name = names(node.name)
        layer = make(node, name) if make else None
        if layer is None:
            layer = node.call.from_config({**node.config, "name": name})
        result = layer(*args, **kwargs)
        if node.weights:
            for variable, value in zip(layer.weights, node.weights, strict=False):  # quantizers add their own behind
                variable.assign(value)
        made.setdefault(node.shared, []).append((node, layer))
        return result


def read(model):
    """The graph of a functional or Sequential Keras 3 model; nested models are laid flat.

    Raises:
      UserError: not a Keras 3 model, no graph (a subclassed model), or a layer that cannot be made again (Lambda,
        an unregistered custom layer); it names the layer.
    """
    if not isinstance(model, keras.Model):
        raise UserError(
            f"{type(model).__module__}.{type(model).__name__} is not a Keras 3 model: give a functional keras.Model"
        )
    model = _functional(model)
    reader = _Reader()
    sources = {id(t): _input_node(t) for t in model.inputs}
    values = reader.walk(model, dict(sources))
    inputs = tree.map_structure(lambda t: sources[id(t)], model._inputs_struct)
    outputs = tree.map_structure(lambda t: values[id(t)], model._outputs_struct)
    return Graph(inputs, outputs, model.name)


class _Reader:
    def __init__(self):
        self.calls = {}  # id of a layer with weights -> its nodes

    def walk(self, model, values):
        """Adds a node per call in `model` to `values` (id of a Keras tensor -> node)."""
        depths = model._nodes_by_depth
        for call in (call for depth in sorted(depths, reverse=True) for call in depths[depth]):
            if call.operation is None or call.is_input:
                continue
            if any(id(t) not in values for t in call.input_tensors):
                continue
            args, kwargs = tree.map_structure(
                lambda x: values[id(x)] if isinstance(x, keras.KerasTensor) else x,
                (call.arguments.args, call.arguments.kwargs),
            )
            kwargs.pop("training", None)  # what the whole model is called with has the last word in Keras 3
            if isinstance(call.operation, keras.Model):
                inner = _functional(call.operation)
                taken = tree.flatten(args[0] if args else kwargs["inputs"])
                bound = {id(t): node for t, node in zip(inner.inputs, taken, strict=True)}
                results = self.walk(inner, bound)
                results = [results[id(t)] for t in inner.outputs]
            else:
                results = self.node(call, args, kwargs)
            values.update({id(t): node for t, node in zip(call.outputs, results, strict=True)})
        return values

    def node(self, call, args, kwargs):
        operation, shape = call.operation, tuple(call.outputs[0].shape)
        _check(operation)
        if type(operation).__name__ == "Cast" and all("float" in t.dtype for t in (*call.input_tensors, *call.outputs)):
            return [args[0]]  # all floats become float32
        common = {"kwargs": kwargs, "name": operation.name, "shape": shape}
        if isinstance(operation, keras.Layer):
            weights, config = [np.asarray(w) for w in operation.get_weights()], _config(operation)
            if isinstance(operation, layers.Normalization):  # what it computes with; its weights may be stale
                statistics = {k: np.asarray(getattr(operation, k)) for k in ("mean", "variance")}
                config |= {k: v.squeeze().tolist() if v.ndim else float(v) for k, v in statistics.items()}
                weights = []
            kind = type(operation)
            if hasattr(operation, "inference_form"):  # a layer of its own in training, and outside it one of Keras's
                kind, known, weights = operation.inference_form()
                config = {key: value for key, value in config.items() if key in known}
            node = Node(kind, args, config=config, weights=weights, **common)
            calls = self.calls.setdefault(id(operation), [])
            calls.append(node)
            if weights and len(calls) > 1:
                for n in calls:
                    n.shared = operation.name
        else:
            node = _function(operation, args, common)
        if len(call.outputs) == 1:
            return [node]
        node.many = True
        return [
            Node(_Item(i), (node,), name=f"{operation.name}_{i}", shape=tuple(t.shape))
            for i, t in enumerate(call.outputs)
        ]


def _function(operation, args, common):
    """A node for a call of `keras.ops`: a plain function where this package knows it, else the operation itself."""
    kind = type(operation).__name__
    if kind in _ARITHMETIC:
        return Node(_ARITHMETIC[kind], args, **common)
    if kind in ("TrueDivide", "Divide") and len(args) == 2 and isinstance(args[1], (int, float)):
        return Node(ops.multiply, (args[0], 1.0 / args[1]), **common)
    if kind == "Cast":
        return Node(ops.cast, (args[0], operation.dtype), **common)
    if kind == "Pad" and operation.mode == "constant":
        value = common["kwargs"].pop("constant_values", None)
        return Node(ops.pad, (args[0], operation.pad_width), **{**common, "kwargs": {"constant_values": value}})
    if kind in _ACTIVATIONS and len(args) == 1:
        return Node(layers.Activation, args, config={"activation": _ACTIVATIONS[kind]}, **common)
    return Node(operation, args, **common)


def _functional(model):
    """The object that holds the graph."""
    if isinstance(model, keras.Sequential):
        if not model.built or model._functional is None:
            raise UserError(f"model {model.name!r} has no input shape yet: add keras.Input as its first layer")
        return model._functional
    functional = next((c for c in type(model).__mro__ if c.__name__ == "Functional"), None)
    if functional is None or type(model).call is not functional.call:
        raise UserError(
            f"{type(model).__name__} {model.name!r} is a subclassed model, which has no graph to rewrite: "
            "build it as keras.Model(inputs, outputs)"
        )
    return model


def _check(operation):
    kind = type(operation)
    if isinstance(operation, layers.Lambda):
        raise UserError(f"layer {operation.name!r} is a Lambda, which cannot be made again: write it with keras.ops")
    registered = keras.saving.get_registered_name(kind) != kind.__name__
    if not (registered or kind.__module__.startswith("keras.")):
        raise UserError(
            f"layer {operation.name!r} is of the unknown class {kind.__name__}: "
            "register it with @keras.saving.register_keras_serializable()"
        )


def _config(layer):
    """Constructor arguments; reduced precision becomes float32, which is what a phone's file is made from."""
    config = layer.get_config()
    config.pop("name")
    config.pop("quantization_config", None)
    if layer.dtype_policy.compute_dtype in ("float16", "bfloat16"):
        config["dtype"] = "float32"
    return config


def _input_node(tensor):
    dtype = "float32" if tensor.dtype in ("float16", "bfloat16") else tensor.dtype
    config = {"batch_shape": tuple(tensor.shape), "dtype": dtype}
    return Node(layers.InputLayer, (), config=config, name=tensor.name, shape=tuple(tensor.shape))


def _same(a, b):
    return (
        a.call is b.call
        and a.config == b.config
        and len(a.weights) == len(b.weights)
        and all(x.shape == y.shape and np.array_equal(x, y) for x, y in zip(a.weights, b.weights, strict=True))
    )


class _Names:
    """Each name once: `conv`, then `conv_1`, ..."""

    def __init__(self):
        self.taken = set()

    def __call__(self, name):
        unique, i = name, 0
        while unique in self.taken:
            i += 1
            unique = f"{name}_{i}"
        self.taken.add(unique)
        return unique
