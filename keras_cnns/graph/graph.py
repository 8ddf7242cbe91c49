"""A model as a plain graph that can be rewritten, and the Keras model made of it again.

What prepares, quantizes or translates a model reads it (`reader.read`), edits the nodes, and makes a new Keras model of
them by `Graph.build`.
"""

import contextlib
import copy
from types import FunctionType

import keras
import numpy as np
from keras import layers, tree

from keras_cnns.graph.carried import Carried, copy_operation
from keras_cnns.graph.keras_internals import producer, thread_state
from keras_cnns.graph.node import Item, Node
from keras_cnns.support.recursion import with_room


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

    def rewrite(self, *rules):
        """Puts `rule(node, uses)` in the place of every node, each after what it takes; None leaves the node.

        Several rules are applied to the whole graph one after the other.

        A rule sees a node whose inputs are rewritten already, so it looks backward: what it needs of what follows
        is `uses`, how many calls will take a node.
        """
        for rule in rules:
            self._rewrite(rule)
        return self

    def _rewrite(self, rule):
        uses, now = self.uses(), {}
        for node in self.nodes:
            node.args, node.kwargs = tree.map_structure(
                lambda x: now[x] if isinstance(x, Node) else x, (node.args, node.kwargs)
            )
            now[node] = rule(node, uses) or node
            if now[node] is not node:
                uses[now[node]] = uses[node] + uses.get(now[node], 1) - 1
        self.outputs = tree.map_structure(now.get, self.outputs)

    def build(self, *, make=None, name=None):
        """The Keras model of this graph.

        make: called with (node, name) to make the layer of a node; None from it means the ordinary way.
        """
        names, tensors, made = _Names(), {}, {}
        with in_float32():
            for node in self.nodes:
                tensors[node] = self._call(node, tensors, names, made, make)
            inputs, outputs = (tree.map_structure(tensors.get, x) for x in (self.inputs, self.outputs))
            model_name = name or self.name
            return with_room(lambda: keras.Model(inputs, outputs, name=model_name), share=thread_state())

    def _call(self, node, tensors, names, made, make):
        args, kwargs = tree.map_structure(lambda x: tensors[x] if isinstance(x, Node) else x, (node.args, node.kwargs))
        if isinstance(node.call, Item):
            return tree.flatten(args[0])[node.call.index]
        if node.is_a(layers.InputLayer):
            config = node.config
            return keras.Input(batch_shape=config["batch_shape"], dtype=config["dtype"], name=names(node.name))
        if isinstance(node.call, FunctionType):
            tensor = node.call(*args, **kwargs)
            producer(tensor).name = names(node.name)
            return tensor
        if isinstance(node.call, keras.Operation):  # no layer: a copy, so that the source gets no new calls
            operation = copy_operation(node.call)
            operation.name = names(node.name)
            return operation(*args, **kwargs)
        for twin, layer in made.get(node.shared, ()):
            if node.shared is not None and _same(node, twin):
                return layer(*args, **kwargs)
        name = names(node.name)
        layer = make(node, name) if make else None
        if layer is None and isinstance(node.call, Carried):
            layer = node.call.copied(name)
        elif layer is None:
            layer = node.call.from_config(node.settings(name))
        result = layer(*args, **kwargs)
        if node.weights:
            for variable, value in zip(layer.weights, node.weights, strict=False):  # quantizers add their own behind
                variable.assign(value)
        made.setdefault(node.shared, []).append((node, layer))
        return result


def _same(a, b):
    return (
        a.call is b.call
        and a.config == b.config
        and len(a.weights) == len(b.weights)
        and all(x.shape == y.shape and np.array_equal(x, y) for x, y in zip(a.weights, b.weights, strict=True))
    )


@contextlib.contextmanager
def in_float32():
    """Layers made inside compute in float32, whatever the user's global policy says."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


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
