"""One call of a finished model as a plain value, and the making of new ones."""

from keras import layers, ops, tree


class Node:
    """One call: what is called, its arguments (other nodes stand for tensors), the weights it holds.

    call: a Keras layer class, a function of `keras.ops`, or an operation object that is carried over as it is.
    config: the layer's constructor arguments. shape: of the (first) output, batch first, None where unknown.
    shared: what the calls of one shared layer have in common; such nodes become one layer again where they
      still agree in everything when the model is built.
    dtype: of the (first) output. masked: it takes a mask of time steps, or gives one: it is better left alone.
    """

    def __init__(self, call, args, *, kwargs=None, config=None, weights=(), name=None, shape=None, shared=None):
        self.call, self.args, self.kwargs = call, args, kwargs or {}
        self.config, self.weights = dict(config or {}), list(weights)
        self.name, self.shape, self.shared = name, shape, shared
        self.origin = name  # the layer of the source model this came from
        self.many = False  # several outputs: only `Item` nodes take them
        self.dtype, self.masked = "float32", False
        self.input_affine = None  # (scale, shift) of its input channels that were folded into its kernel and bias

    def __repr__(self):
        return f"<{self.kind} {self.name}>"

    @property
    def integers(self):
        """Whether the output is of whole numbers or truth values, and so nothing to be rounded."""
        return "float" not in self.dtype

    @property
    def kind(self):
        """The class or function name, for people: "Conv2D", "add"; of one result of several, that of the operation."""
        if isinstance(self.call, Item):
            return self.input.kind
        return getattr(self.call, "__name__", type(self.call).__name__)

    @property
    def inputs(self):
        """The nodes whose outputs this one takes, in order, with repetition."""
        if len(self.args) == 1 and isinstance(self.args[0], Node) and not self.kwargs:
            return [self.args[0]]
        return [x for x in tree.flatten((self.args, self.kwargs)) if isinstance(x, Node)]

    @property
    def input(self):
        """The first of them."""
        return self.inputs[0]

    def settings(self, name):
        """The configuration of a layer of this name, to be used up: from_config may take from its dicts and lists."""
        return {**_own(self.config), "name": name}

    def is_a(self, *calls):
        """Whether this calls exactly one of these layer classes, functions or classes of operations (no subclasses)."""
        return any(self.call is c or type(self.call) is c for c in calls)


def _own(value):
    if type(value) is dict:
        return {key: _own(inner) for key, inner in value.items()}
    return [_own(inner) for inner in value] if type(value) is list else value


class Item:
    """Stands as `call` of a node that picks one output of a node with several."""

    def __init__(self, index):
        self.index = index


# Making nodes


def new(call, args, source, suffix, config):
    """A node made for `source`, of its shape."""
    node = Node(call, args, config=config, name=f"{source.name}_{suffix}", shape=source.shape)
    node.origin, node.dtype, node.masked = source.origin, source.dtype, source.masked
    return node


def like(node, **changes):
    """A copy of `node` with some attributes changed."""
    copy = Node(node.call, node.args, kwargs=dict(node.kwargs), config=node.config, weights=node.weights)
    copy.name, copy.shape, copy.shared, copy.origin = node.name, node.shape, node.shared, node.origin
    copy.many, copy.dtype, copy.masked = node.many, node.dtype, node.masked
    copy.input_affine = node.input_affine if "call" not in changes else None
    for attribute, value in changes.items():
        setattr(copy, attribute, value)
    if "call" in changes:
        copy.kwargs = {}
    return copy


def plus(x, number, source):
    return shaped(new(ops.add, (x, number), source, "plus", {}), x)


def times(x, number, source):
    return shaped(new(ops.multiply, (x, number), source, "scale", {}), x)


def relu6(x, source):
    return shaped(new(layers.ReLU, (x,), source, "relu6", {"max_value": 6.0}), x)


def shaped(node, x):
    node.shape = x.shape
    return node


def cast(x, dtype, source):
    """`x` in another type of numbers."""
    node = shaped(new(ops.cast, (x, dtype), source, "cast", {}), x)
    node.dtype = dtype
    return node
