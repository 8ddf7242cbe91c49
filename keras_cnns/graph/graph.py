"""A model as a plain graph that can be rewritten and built again as a Keras model.

Code that prepares, quantizes or translates a model reads it (`reader.read`), edits the nodes, and builds a new Keras
model from them with `Graph.build`.
"""

import contextlib
import copy
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import keras
import numpy as np
from keras import layers, tree

from keras_cnns.graph.carried import Carried, copy_operation
from keras_cnns.graph.keras_internals import producer, thread_state
from keras_cnns.graph.node import Item, Node
from keras_cnns.support.recursion import with_headroom


class Graph:
    """Nodes, reachable from `outputs`.

    Args:
      inputs, outputs: nodes, nested (lists, dicts) as in the model.
      name: of the model.

    Example:
      graph = read(model).rewrite(fold_batch_norm)
      folded = graph.build()
    """

    def __init__(self, inputs: Any, outputs: Any, name: str) -> None:
        self.inputs, self.outputs, self.name = inputs, outputs, name

    @property
    def nodes(self) -> list[Node]:
        """Every node that the outputs depend on, each after its inputs."""
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

    def copy(self) -> "Graph":
        """A graph of copied nodes. The weight arrays are shared."""
        copies: dict[Node, Node] = {}
        for node in self.nodes:
            copies[node] = twin = copy.copy(node)
            twin.config, twin.weights = dict(node.config), list(node.weights)
            twin.args, twin.kwargs = tree.map_structure(
                lambda x: copies[x] if isinstance(x, Node) else x, (node.args, node.kwargs)
            )
        return Graph(
            tree.map_structure(copies.get, self.inputs), tree.map_structure(copies.get, self.outputs), self.name
        )

    def uses(self) -> dict[Node, int]:
        """{node: number of calls that read its output}. Being an output of the model counts as one call."""
        uses = dict.fromkeys(self.nodes, 0)
        for node in list(uses):
            for source in node.inputs:
                uses[source] += 1
        for node in tree.flatten(self.outputs):
            uses[node] += 1
        return uses

    def rewrite(self, *rules: Callable[[Node, dict[Node, int]], Node | None]) -> "Graph":
        """Replaces every node by `rule(node, uses)`, each after its inputs, and returns the graph.

        Args:
          *rules: each is applied to all nodes, in this order. A rule gets a node, whose inputs have been
            rewritten, and `uses`, see `Graph.uses`. It returns the new node, or None to keep the old node.
        """
        for rule in rules:
            self._rewrite(rule)
        return self

    def _rewrite(self, rule: Callable[[Node, dict[Node, int]], Node | None]) -> None:
        uses = self.uses()
        rewritten: dict[Node, Node] = {}
        for node in self.nodes:
            node.args, node.kwargs = tree.map_structure(
                lambda x: rewritten[x] if isinstance(x, Node) else x, (node.args, node.kwargs)
            )
            rewritten[node] = new = rule(node, uses) or node
            if new is not node:
                uses[new] = uses[node] + uses.get(new, 1) - 1
        self.outputs = tree.map_structure(rewritten.get, self.outputs)

    def build(
        self,
        *,
        make: Callable[[Node, str], keras.layers.Layer | None] | None = None,
        name: str | None = None,
        release: bool = False,
    ) -> keras.Model:
        """Builds the Keras model of this graph, in float32.

        Args:
          make: called with (node, name) to create the layer of a node; None from it means the default layer.
          name: of the model; default: the graph's.
          release: drop each node's weights once its layer holds them, so that they are not in memory twice. The graph
            can be built once then.
        """
        names = _Names()
        tensors: dict[Node, Any] = {}
        shared_layers: dict[Any, list[tuple[Node, keras.Layer]]] = {}
        with in_float32():
            for node in self.nodes:
                tensors[node] = self._call(node, tensors, names, shared_layers, make)
                if release and node.shared is None:
                    node.weights = []
            inputs, outputs = (tree.map_structure(tensors.get, x) for x in (self.inputs, self.outputs))
            model_name = name or self.name
            return with_headroom(lambda: keras.Model(inputs, outputs, name=model_name), share=thread_state())

    def _call(
        self,
        node: Node,
        tensors: dict[Node, Any],
        names: "_Names",
        shared_layers: dict[Any, list[tuple[Node, keras.Layer]]],
        make: Callable[[Node, str], keras.Layer | None] | None,
    ) -> Any:
        """The output of a node's call; `tensors` holds those of the nodes before it."""
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
        if isinstance(node.call, keras.Operation):  # not a layer: copied, so that the source model gets no new calls
            operation = copy_operation(node.call)
            operation.name = names(node.name)
            return operation(*args, **kwargs)
        for twin, layer in shared_layers.get(node.shared, ()):
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
            for variable, value in zip(
                layer.weights, node.weights, strict=False
            ):  # quantizers add variables of their own at the end
                variable.assign(value)
        shared_layers.setdefault(node.shared, []).append((node, layer))
        return result


def _same(a: Node, b: Node) -> bool:
    """Whether two nodes call the same layer class with equal configuration and weights."""
    return (
        a.call is b.call
        and a.config == b.config
        and len(a.weights) == len(b.weights)
        and all(x.shape == y.shape and np.array_equal(x, y) for x, y in zip(a.weights, b.weights, strict=True))
    )


@contextlib.contextmanager
def in_float32() -> Iterator[None]:
    """Within this context, new layers compute in float32, whatever the global dtype policy is."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


class _Names:
    """Makes names unique: `conv`, then `conv_1` and so on."""

    def __init__(self) -> None:
        self.used: set[str] = set()

    def __call__(self, name: str) -> str:
        unique, i = name, 0
        while unique in self.used:
            i += 1
            unique = f"{name}_{i}"
        self.used.add(unique)
        return unique
