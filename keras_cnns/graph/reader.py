"""A finished Keras 3 model read as a graph: one node per call, nested models laid flat. The model is only read."""

import keras
import numpy as np
from keras import layers, ops, tree

from keras_cnns.graph.carried import Carried, can_be_made_again, replaced
from keras_cnns.graph.graph import Graph
from keras_cnns.graph.kinds import (
    ACTIVATIONS,
    ARITHMETIC,
    CAST,
    DIVIDE,
    FUNCTIONAL,
    LINEAR,
    NEGATIVE,
    PAD,
    RELU,
    SEPARABLE,
    name_of,
)
from keras_cnns.graph.node import Item, Node, cast, new
from keras_cnns.graph.walk import in_order, walk
from keras_cnns.support.errors import UserError

REDUCED = ("float16", "bfloat16", "float64")  # they become float32, which is what a phone's file is made from
# Attributes that a config may name and cannot always say: somebody's function, a layer, a regularizer of their own.
_AS_THEY_ARE = ("activation", "recurrent_activation", "regularizer", "constraint")


def read(model):
    """The graph of a functional or Sequential Keras 3 model; nested models are laid flat.

    What is Keras's own (or this package's) becomes a node with its config and its weights; any other layer is carried
    over as it is, since its config may not say all it does.

    Raises:
      UserError: not a Keras 3 model, no graph (a subclassed model), or a layer quantized by Keras; it names the layer.
    """
    if not isinstance(model, keras.Model):
        raise UserError(
            f"{type(model).__module__}.{type(model).__name__} is not a Keras 3 model: give a functional keras.Model"
        )
    model = _functional(model)
    sources = {id(t): _input_node(t) for t in model.inputs}
    values = dict(sources)
    walk(model, values, _Reader().node, inside=_graph_inside, taken=_taken)
    inputs = tree.map_structure(lambda t: sources[id(t)], model._inputs_struct)
    outputs = tree.map_structure(lambda t: values[id(t)], model._outputs_struct)
    return Graph(inputs, outputs, model.name)


def is_reduced(model):
    """Whether something in a model is computed in other floats than float32, be it by a plain cast."""
    for part in model._flatten_layers():
        if part.compute_dtype in REDUCED:
            return True
        for operation in getattr(getattr(part, "_functional", part), "operations", ()):
            if any(tensor.dtype in REDUCED for node in operation._inbound_nodes for tensor in node.output_tensors):
                return True
    return False


class _Reader:
    def __init__(self):
        self.calls = {}  # id of a layer with weights -> its nodes
        self.carried = {}  # id of a layer -> what stands for it in every call

    def node(self, call, args, kwargs, path):
        """The nodes of one call, one for each of its results."""
        args, kwargs = tree.map_structure(_constant, (args, kwargs))
        if not args and set(kwargs) == {"inputs"}:
            args = (kwargs.pop("inputs"),)
        operation, shape = call.operation, tuple(call.outputs[0].shape)
        if type(operation) is CAST and all("float" in t.dtype for t in (*call.input_tensors, *call.outputs)):
            return [args[0]]  # all floats become float32
        common = {"kwargs": kwargs, "name": operation.name, "shape": shape}
        if isinstance(operation, keras.Layer):
            node = self.layer(operation, args, common)
        else:
            node = _function(operation, args, common)
        masked = any(getattr(t, "_keras_mask", None) is not None for t in (*call.input_tensors, *call.outputs))
        for made in (node, node.input) if node.origin != operation.name else (node,):
            made.origin = operation.name
            made.dtype, made.masked = _plain(call.outputs[0].dtype), masked or kwargs.get("mask") is not None
        if len(call.outputs) == 1:
            return [node]
        node.many = True
        return [_item(node, i, t) for i, t in enumerate(call.outputs)]

    def layer(self, layer, args, common):
        """The node of one call of a layer, its fused activation behind it where that is a layer or a function."""
        if any(part.quantization_mode for part in layer._flatten_layers()):
            raise UserError(f"layer {layer.name!r} was quantized by Keras itself: export the model it was before.")
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

    def plain(self, layer, args, common, activation):
        """The node of a layer that can be made again."""
        kind, config = type(layer), _config(layer)
        weights = [np.asarray(w) for w in layer.get_weights()]
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
            # a layer of its own in training, and outside it one of Keras's
            kind, known, weights = layer.inference_form()
            config = {key: value for key, value in config.items() if key in known}
        node = Node(kind, args, config=config, weights=weights, **common)
        calls = self.calls.setdefault(id(layer), [])
        calls.append(node)
        if weights and len(calls) > 1:
            for n in calls:
                n.shared = layer.name
        return node


def _constant(value):
    """A variable that somebody calculated with is a number in inference, and none that a layer keeps."""
    return np.asarray(value) if isinstance(value, keras.Variable) else value


def _item(node, i, tensor):
    item = Node(Item(i), (node,), name=f"{node.name}_{i}", shape=tuple(tensor.shape))
    item.dtype, item.masked = _plain(tensor.dtype), node.masked
    return item


def _function(operation, args, common):
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


# Models within models


def _graph_inside(model):
    """What holds the graph of a nested model; None for another kind of model, which is carried over."""
    return _functional(model) if isinstance(model, keras.Sequential) or _keeps_the_call(model) else None


def _keeps_the_call(model):
    return isinstance(model, FUNCTIONAL) and type(model).call is FUNCTIONAL.call


def _functional(model):
    """The object that holds the graph."""
    if isinstance(model, keras.Sequential):
        if not model.built or model._functional is None:
            raise UserError(f"model {model.name!r} has no input shape yet: add keras.Input as its first layer")
        return model._functional
    if not _keeps_the_call(model):
        raise UserError(
            f"{type(model).__name__} {model.name!r} is a subclassed model, which has no graph to rewrite: "
            "build it as keras.Model(inputs, outputs)"
        )
    return model


def _taken(inner, given):
    return [_as_taken(node, tensor) for node, tensor in zip(in_order(inner, given), inner.inputs, strict=True)]


def _as_taken(node, tensor):
    """`node` as the input `tensor` of a nested model takes it: Keras casts it, and adds or drops a last axis of one."""
    wanted = _plain(tensor.dtype)
    if node.dtype != wanted:
        node = cast(node, wanted, node)
    if len(node.shape) == len(tensor.shape):
        return node
    call = ops.squeeze if len(node.shape) > len(tensor.shape) else ops.expand_dims
    ranked = new(call, (node, -1), node, "ranked", {})
    ranked.shape = tuple(tensor.shape)
    return ranked


# Configs


def _has_config(layer):
    try:
        return bool(layer.get_config())
    except Exception:  # an activation that Keras cannot name, a class that never thought of it
        return False


def _config(layer):
    """Constructor arguments, in float32; what a config cannot always say is taken from the layer."""
    config = layer.get_config()
    config.pop("name")
    config.pop("quantization_config", None)
    for key in config:
        if key.endswith(_AS_THEY_ARE) and getattr(layer, key, None) is not None:
            config[key] = name_of(getattr(layer, key)) or getattr(layer, key)
        elif key.endswith("_initializer"):
            config[key] = "zeros"  # the weights follow
    if layer.dtype_policy.compute_dtype in REDUCED:
        config["dtype"] = "float32"
    return config


def _plain(dtype):
    return "float32" if dtype in REDUCED else dtype


def _input_node(tensor):
    dtype = _plain(tensor.dtype)
    config = {"batch_shape": tuple(tensor.shape), "dtype": dtype}
    node = Node(layers.InputLayer, (), config=config, name=tensor.name, shape=tuple(tensor.shape))
    node.dtype = dtype
    return node
