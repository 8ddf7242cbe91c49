"""One call of a layer or function in a model, as a plain value, and functions that create new ones."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from keras import layers, ops, tree


class Node:
    """One call: the callee, its arguments and its weights.

    Args:
      call: a Keras layer class, a function of `keras.ops`, or an operation object that is kept as it is.
      args, kwargs: of the call; other nodes stand for tensors.
      config: constructor arguments of the layer.
      weights: arrays of the layer.
      name: of the layer.
      shape: of the (first) output, the batch first, None where unknown.
      shared: the same value for all calls of one shared layer. When the model is built, such nodes become one layer
        again if they are still equal.

    Attributes:
      dtype: of the (first) output.
      masked: whether the call reads or produces a mask of time steps. Rewrites should leave it alone.
    """

    def __init__(
        self,
        call: Any,
        args: tuple,
        *,
        kwargs: dict | None = None,
        config: dict | None = None,
        weights: Sequence = (),
        name: Any = None,
        shape: Any = None,
        shared: Any = None,
    ) -> None:
        self.call, self.args, self.kwargs = call, args, kwargs or {}
        self.config, self.weights = dict(config or {}), list(weights)
        self.name, self.shape, self.shared = name, shape, shared
        self.origin = name  # the layer of the source model that this node comes from
        self.many = False  # several outputs: only `Item` nodes take them
        self.dtype, self.masked = "float32", False
        self.input_affine = None  # (scale, shift) of its input channels that were folded into its kernel and bias
        self.output_affine = None  # (scale, shift) of its output channels that were folded so

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"

    @property
    def integers(self) -> bool:
        """Whether the output is integer or boolean, and so is not rounded."""
        return "float" not in self.dtype

    @property
    def kind(self) -> str:
        """The class or function name, for messages: "Conv2D", "add". For an `Item`, that of its operation."""
        if isinstance(self.call, Item):
            return self.input.kind
        return getattr(self.call, "__name__", type(self.call).__name__)

    @property
    def inputs(self) -> list["Node"]:
        """The nodes whose outputs this call reads, in order, with repetition."""
        if len(self.args) == 1 and isinstance(self.args[0], Node) and not self.kwargs:
            return [self.args[0]]
        return [x for x in tree.flatten((self.args, self.kwargs)) if isinstance(x, Node)]

    @property
    def input(self) -> "Node":
        """The first input."""
        return self.inputs[0]

    def settings(self, name: str) -> dict:
        """A copy of the configuration, for a layer of this name. `from_config` may modify it."""
        return {**_copied_containers(self.config), "name": name}

    def is_a(self, *calls: Any) -> bool:
        """Whether `call` is exactly one of these layer classes, functions or operation classes (no subclasses)."""
        return any(self.call is c or type(self.call) is c for c in calls)


Uses: TypeAlias = dict[Node, int]  # how many calls take the output of a node


def _copied_containers(value: Any) -> Any:
    """`value` with all nested dicts and lists copied."""
    if type(value) is dict:
        return {key: _copied_containers(inner) for key, inner in value.items()}
    return [_copied_containers(inner) for inner in value] if type(value) is list else value


class Item:
    """The `call` of a node that picks one output of a node with several outputs."""

    def __init__(self, index: int) -> None:
        self.index = index


# Making nodes


def new(call: Any, args: tuple, source: Node, suffix: str, config: dict) -> Node:
    """A new node that takes the place of `source` or belongs to it: same shape, dtype and origin."""
    node = Node(call, args, config=config, name=f"{source.name}_{suffix}", shape=source.shape)
    node.origin, node.dtype, node.masked = source.origin, source.dtype, source.masked
    return node


def like(node: Node, **changes: Any) -> Node:
    """A copy of `node` with some attributes changed."""
    copy = Node(node.call, node.args, kwargs=dict(node.kwargs), config=node.config, weights=node.weights)
    copy.name, copy.shape, copy.shared, copy.origin = node.name, node.shape, node.shared, node.origin
    copy.many, copy.dtype, copy.masked = node.many, node.dtype, node.masked
    if "call" not in changes:
        copy.input_affine, copy.output_affine = node.input_affine, node.output_affine
    for attribute, value in changes.items():
        setattr(copy, attribute, value)
    if "call" in changes:
        copy.kwargs = {}
    return copy


def plus(x: Node, number: float, source: Node) -> Node:
    """x + number."""
    return shaped(new(ops.add, (x, number), source, "plus", {}), x)


def times(x: Node, number: float, source: Node) -> Node:
    """x * number."""
    return shaped(new(ops.multiply, (x, number), source, "scale", {}), x)


def relu6(x: Node, source: Node) -> Node:
    """min(max(x, 0), 6)."""
    return shaped(new(layers.ReLU, (x,), source, "relu6", {"max_value": 6.0}), x)


def shaped(node: Node, x: Node) -> Node:
    """Sets the shape of `node` to that of `x`, and returns it."""
    node.shape = x.shape
    return node


def cast(x: Node, dtype: str, source: Node) -> Node:
    """`x` converted to another dtype."""
    node = shaped(new(ops.cast, (x, dtype), source, "cast", {}), x)
    node.dtype = dtype
    return node
