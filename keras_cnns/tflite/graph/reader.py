"""A finished Keras 3 model read as a graph: one node per call, nested models laid flat. The model is only read."""

import keras
import numpy as np
from keras import layers, ops, tree

from keras_cnns.errors import UserError
from keras_cnns.tflite.graph.graph import Graph
from keras_cnns.tflite.graph.kinds import ACTIVATIONS, ARITHMETIC, CAST, DIVIDE, PAD, RELU
from keras_cnns.tflite.graph.node import Item, Node


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
        if type(operation) is CAST and all("float" in t.dtype for t in (*call.input_tensors, *call.outputs)):
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
            node.integers = "float" not in call.outputs[0].dtype
            return [node]
        node.many = True
        items = [
            Node(Item(i), (node,), name=f"{operation.name}_{i}", shape=tuple(t.shape))
            for i, t in enumerate(call.outputs)
        ]
        for item, tensor in zip(items, call.outputs, strict=True):
            item.integers = "float" not in tensor.dtype
        return items


def _function(operation, args, common):
    """A node for a call of `keras.ops`: a plain function where this package knows it, else the operation itself."""
    kind = type(operation)
    if kind in ARITHMETIC:
        return Node(ARITHMETIC[kind], args, **common)
    if kind in DIVIDE and len(args) == 2 and isinstance(args[1], (int, float)):
        return Node(ops.multiply, (args[0], 1.0 / args[1]), **common)
    if kind is CAST:
        return Node(ops.cast, (args[0], operation.dtype), **common)
    if kind is PAD and operation.mode == "constant":
        value = common["kwargs"].pop("constant_values", None)
        return Node(ops.pad, (args[0], operation.pad_width), **{**common, "kwargs": {"constant_values": value}})
    if kind in ACTIVATIONS and len(args) == 1:
        return Node(layers.Activation, args, config={"activation": ACTIVATIONS[kind]}, **common)
    if kind is RELU and len(args) == 1:
        config = {key: getattr(operation, key) for key in ("negative_slope", "max_value", "threshold")}
        return Node(layers.ReLU, args, config=config, **common)
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
    node = Node(layers.InputLayer, (), config=config, name=tensor.name, shape=tuple(tensor.shape))
    node.integers = "float" not in dtype
    return node
