"""A finished Keras 3 model as a graph of nodes that can be rewritten. The model itself is only read.

The graph is made from the sequence of calls of `calls.py`, the only module that walks Keras's graph.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops, tree

from keras_cnns.graph.calls import Call, Calls, Ref
from keras_cnns.graph.carried import Carried, can_be_made_again, replaced
from keras_cnns.graph.graph import Graph
from keras_cnns.graph.keras_internals import array_of, calls_of, functional_inside, is_masked, sublayers
from keras_cnns.graph.kinds import (
    ACTIVATIONS,
    ARITHMETIC,
    CAST,
    DIVIDE,
    LINEAR,
    NEGATIVE,
    PAD,
    RELU,
    SEPARABLE,
    name_of,
)
from keras_cnns.graph.node import Item, Node, cast, new
from keras_cnns.support.errors import UnsupportedModel

REDUCED = ("float16", "bfloat16", "float64")  # they become float32, which is what a phone's file is made from
# Arguments that a config may name and cannot always express: a user's own function, a layer, a regularizer.
_TAKEN_FROM_THE_LAYER = ("activation", "recurrent_activation", "regularizer", "constraint")


def read(model: keras.Model) -> Graph:
    """The graph of a functional or Sequential Keras 3 model; nested models are laid flat.

    A layer of Keras (or of this package) becomes a node with its config and its weights. Any other layer is carried
    over as it is, since its config may not express all that it computes.

    Raises:
      UserError: not a Keras 3 model, no graph (a subclassed model), or a layer quantized by Keras; it names the layer.
    """
    calls, reader = Calls(model, recorded=True), _Reader()
    for number, call in enumerate(calls):
        nodes = [_input_node(call)] if call.node is None else reader.nodes(call)
        reader.values |= {(number, output): node for output, node in enumerate(nodes)}
    inputs, outputs = (tree.map_structure(reader.value, x) for x in (calls.input_structure, calls.result))
    return Graph(inputs, outputs, calls.name)


def is_reduced(model: keras.Model) -> bool:
    """Whether something in a model is computed in other floats than float32, be it by a plain cast."""
    for part in sublayers(model):
        if part.compute_dtype in REDUCED:
            return True
        graph = functional_inside(part) if isinstance(part, keras.Sequential) else part
        for operation in getattr(graph, "operations", ()):
            if any(tensor.dtype in REDUCED for node in calls_of(operation) for tensor in node.output_tensors):
                return True
    return False


class _Reader:
    def __init__(self) -> None:
        self.values: dict[tuple, Node] = {}  # (number of a call, number of its output, adaptations) -> node
        self.calls: dict[int, list[Node]] = {}  # id of a layer with weights -> its nodes
        self.carried: dict[int, Carried] = {}  # id of a layer -> what stands for it in every call

    def value(self, ref: Ref) -> Node:
        """The node that computes a value, cast and reshaped as the nested models that it entered do."""
        node = self.values[ref.call, ref.output]
        for count, (shape, dtype) in enumerate(ref.adapted, start=1):
            key = (ref.call, ref.output, ref.adapted[:count])
            if key not in self.values:
                self.values[key] = _adapted(node, shape, dtype)
            node = self.values[key]
        return node

    def nodes(self, call: Call) -> list[Node]:
        """The nodes of one call, one for each of its results."""
        args, kwargs = tree.map_structure(self._argument, (call.args, call.kwargs | call.mask))
        if not args and set(kwargs) == {"inputs"}:
            args = (kwargs.pop("inputs"),)
        operation, shape = call.operation, call.outputs[0].shape
        tensors = (*call.node.input_tensors, *call.node.outputs)
        if type(operation) is CAST and all("float" in t.dtype for t in tensors):
            return [args[0]]  # all floats become float32
        common = {"kwargs": kwargs, "name": operation.name, "shape": shape}
        if isinstance(operation, keras.Layer):
            node = self.layer(operation, args, common)
        else:
            node = _function(operation, args, common)
        masked = any(map(is_masked, tensors))
        for written in (node, node.input) if node.origin != operation.name else (node,):
            written.origin = operation.name
            written.dtype, written.masked = _plain(call.outputs[0].dtype), masked or kwargs.get("mask") is not None
        if len(call.outputs) == 1:
            return [node]
        node.many = True
        return [_item(node, ref) for ref in call.outputs]

    def _argument(self, value: Any) -> Any:
        """The node in place of a value, an array in place of a variable: in inference, variables do not change."""
        if isinstance(value, Ref):
            return self.value(value)
        return np.asarray(value) if isinstance(value, keras.Variable) else value

    def layer(self, layer: keras.Layer, args: tuple, common: dict[str, Any]) -> Node:
        """The node of one call of a layer, followed by its fused activation if that is a layer."""
        if any(part.quantization_mode for part in sublayers(layer)):
            raise UnsupportedModel(
                f"layer {layer.name!r} was quantized by Keras itself: export the model from before quantize()."
            )
        fused = getattr(layer, "activation", None) if type(layer) in (*LINEAR, *SEPARABLE, layers.Activation) else None
        if isinstance(fused, keras.Layer):
            if not fused.built:  # as the first picture would: Keras has not called it so far
                fused.build(common["shape"])
            linear = args if type(layer) is layers.Activation else (self.plain(layer, args, common, "linear"),)
            behind = {**common, "kwargs": {}, "name": f"{layer.name}_{fused.name}"}
            return self.layer(fused, linear, behind)
        if ((fused is not None and not replaced(layer)) or can_be_made_again(layer)) and _has_config(layer):
            return self.plain(layer, args, common, fused)
        carried = self.carried.setdefault(id(layer), Carried(layer))
        return Node(carried, args, shared=f"{layer.name} {id(layer)}", **common)

    def plain(self, layer: keras.Layer, args: tuple, common: dict[str, Any], activation: Any) -> Node:
        """The node of a layer that can be created again from its config and weights."""
        kind, config = type(layer), _config(layer)
        weights = [array_of(variable) for variable in layer.weights]
        if isinstance(within := getattr(layer, "activation", None), keras.Layer):
            weights = weights[: len(weights) - len(within.weights)]  # those are the node's behind it
        if activation is not None:
            config["activation"] = name_of(activation) or activation
        if kind is layers.Normalization:  # what it computes with; its weights may be stale
            statistics = {k: np.asarray(getattr(layer, k)) for k in ("mean", "variance")}
            config |= {k: v.squeeze().tolist() if v.ndim else float(v) for k, v in statistics.items()}
            weights = []
        if kind in LINEAR and getattr(layer, "lora_enabled", False):  # what was added in low rank belongs to the kernel
            weights = [np.asarray(w) for w in (layer.kernel, layer.bias) if w is not None]
            config["lora_rank"] = None
        if kind.__module__.startswith("keras_cnns.") and hasattr(layer, "inference_form"):
            # in training a layer of this package, in inference a layer of Keras
            kind, known, weights = layer.inference_form()
            config = {key: value for key, value in config.items() if key in known}
        node = Node(kind, args, config=config, weights=weights, **common)
        calls = self.calls.setdefault(id(layer), [])
        calls.append(node)
        if weights and len(calls) > 1:
            for n in calls:
                n.shared = layer.name
        return node


def _item(node: Node, ref: Ref) -> Node:
    item = Node(Item(ref.output), (node,), name=f"{node.name}_{ref.output}", shape=ref.shape)
    item.dtype, item.masked = _plain(ref.dtype), node.masked
    return item


def _function(operation: keras.Operation, args: tuple, common: dict[str, Any]) -> Node:
    """A node for a call of `keras.ops`: a plain function where this package knows it, else the operation itself."""
    kind = type(operation)
    if kind in ARITHMETIC:
        return Node(ARITHMETIC[kind], args, **common)
    if kind in DIVIDE and len(args) == 2 and isinstance(args[1], (int, float)) and args[1]:
        return Node(ops.multiply, (args[0], 1.0 / args[1]), **common)
    if kind is NEGATIVE and not args[0].integers:  # no int8 kernel negates
        return Node(ops.multiply, (args[0], -1.0), **common)
    if kind is CAST:
        return Node(ops.cast, (args[0], _plain(operation.dtype)), **common)
    if kind is PAD and operation.mode == "constant":
        value = common["kwargs"].pop("constant_values", None)
        return Node(ops.pad, (args[0], operation.pad_width), **{**common, "kwargs": {"constant_values": value}})
    if kind in ACTIVATIONS and len(args) == 1:
        return Node(layers.Activation, args, config={"activation": ACTIVATIONS[kind]}, **common)
    if kind is RELU and len(args) == 1:
        config = {key: getattr(operation, key) for key in ("negative_slope", "max_value", "threshold")}
        return Node(layers.ReLU, args, config=config, **common)
    return Node(operation, args, **common)


def _adapted(node: Node, shape: tuple, dtype: str) -> Node:
    """`node` as an input of a nested model takes it: Keras casts it, and adds or drops a last axis of length one."""
    wanted = _plain(dtype)
    if node.dtype != wanted:
        node = cast(node, wanted, node)
    if len(node.shape) == len(shape):
        return node
    call = ops.squeeze if len(node.shape) > len(shape) else ops.expand_dims
    ranked = new(call, (node, -1), node, "ranked", {})
    ranked.shape = shape
    return ranked


# Configs


def _has_config(layer: keras.Layer) -> bool:
    try:
        return bool(layer.get_config())
    except Exception:  # an activation that Keras cannot name, a class that never thought of it
        return False


def _config(layer: keras.Layer) -> dict[str, Any]:
    """Constructor arguments, in float32; what a config cannot always say is taken from the layer."""
    config = layer.get_config()
    config.pop("name")
    config.pop("quantization_config", None)
    for key in config:
        if key.endswith(_TAKEN_FROM_THE_LAYER) and getattr(layer, key, None) is not None:
            config[key] = name_of(getattr(layer, key)) or getattr(layer, key)
        elif key.endswith("_initializer"):
            config[key] = "zeros"  # the weights follow
    if layer.dtype_policy.compute_dtype in REDUCED:
        config["dtype"] = "float32"
    return config


def _plain(dtype: str) -> str:
    return "float32" if dtype in REDUCED else dtype


def _input_node(call: Call) -> Node:
    shape, dtype = call.outputs[0].shape, _plain(call.outputs[0].dtype)
    config = {"batch_shape": shape, "dtype": dtype}
    node = Node(layers.InputLayer, (), config=config, name=call.name, shape=shape)
    node.dtype = dtype
    return node
