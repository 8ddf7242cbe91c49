"""Quantization-aware training in Keras 3: turns a functional model into one that computes as int8 would.

The graph is prepared (activations become nodes, batch norm stays only where it can be folded), linear layers become
layers that round their kernels, and a `FakeQuant` follows every operator whose int8 result has its own range.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_cnns.graph.graph import Graph
from keras_cnns.graph.hold_statistics import hold_statistics as held
from keras_cnns.graph.keras_internals import producer
from keras_cnns.graph.kinds import (
    DEPTHWISE,
    DIVIDE,
    LINEAR,
    ONE_HOT,
    SAME_SCALE,
    SOFTMAX,
    TRAINING_ONLY,
    activation_of,
    is_relu,
)
from keras_cnns.graph.node import Item, Node, Uses
from keras_cnns.graph.reader import read
from keras_cnns.support.errors import UserError
from keras_cnns.tflite.aware.activity import ActivityRegularizer, regularizers_behind
from keras_cnns.tflite.aware.calibrate import calibrate
from keras_cnns.tflite.aware.fake_quant import (
    MOMENTUM,
    ROUNDED,
    STARTED,
    FakeQuant,
    is_quantization_aware,
)
from keras_cnns.tflite.aware.source import Source, answers_unrounded, compare
from keras_cnns.tflite.rewrite.equalize import equalize, floor, gated
from keras_cnns.tflite.rewrite.fold import Affine, input_offset, per_input, scaled, to_unit_variance
from keras_cnns.tflite.rewrite.prepare import Outputs, keep_outputs, prepared

# Results whose int8 range TFLite fixes.
FIXED: dict[str | None, tuple[Any, Any]] = {
    "sigmoid": (0.0, 255 / 256),
    "softmax": (0.0, 255 / 256),
    "tanh": (-1.0, 127 / 128),
}
# Operators into which a following relu or relu6 is fused: what lies between is never rounded.
FUSING: tuple = (*LINEAR, layers.BatchNormalization, layers.Add, layers.Subtract, layers.Multiply)
FUSING += (ops.add, ops.subtract, ops.multiply)

UNROUNDED = "_unrounded"  # ends the name of a layer that gave the name of the output to what rounds its result


def quantization_aware(
    model: keras.Model,
    *,
    hold_statistics: bool = True,
    momentum: float | None = None,
    fold: bool = False,
    pictures: Any = None,
    outputs: Outputs = None,
) -> keras.Model:
    """`api.quantization_aware` by the method "keras"."""
    if is_quantization_aware(model):
        raise UserError(f"{model.name} is already quantization-aware: train or export it.")
    graph = read(model)
    kept = kept_outputs(graph, outputs)
    regularizers_behind(graph)
    prepared(graph, outputs=outputs, keep_dropout=True, keep_batch_norm=not fold)
    float_inputs(graph)
    if hold_statistics:
        graph.rewrite(to_unit_variance)
    equalize(graph, training=True)
    floats, least = divisors(graph), floors(graph)
    ranges = norms = MOMENTUM if momentum is None else momentum
    if momentum is None and pictures is not None:
        ranges = STARTED
    graph.rewrite(rounding)
    graph.rewrite(lambda node, uses: None if node in floats else quantized(node, uses, ranges, norms, least.get(node)))
    name_outputs(graph, [producer(model.outputs[i]).name for i in kept])
    aware = graph.build()
    return finished(held(aware) if hold_statistics else aware, model, kept, pictures)


def finished(aware: keras.Model, model: keras.Model, kept: Sequence[int], pictures: Any) -> keras.Model:
    """Sets the ranges of `aware` from the pictures, if any, and compares it with its source `model`.

    kept: positions of the outputs of `model` that `aware` has.
    """
    first = None if pictures is None else calibrate(aware, pictures)
    compare(model, kept, lambda inputs: answers_unrounded(aware, inputs), first)
    aware.keras_cnns_source = Source(model)
    return aware


def kept_outputs(graph: Graph, outputs: Outputs) -> list[int]:
    """Positions of the model's outputs that `prepared` keeps."""
    every = keras.tree.flatten(graph.outputs)
    main = Graph(graph.inputs, graph.outputs, graph.name)
    keep_outputs(main, outputs)
    return [every.index(node) for node in keras.tree.flatten(main.outputs)]


def name_outputs(graph: Graph, names: Iterable[str]) -> None:
    """Gives the last nodes of the graph the names by which losses and metrics refer to the outputs."""
    names = list(names)
    named: dict[Node, str] = {}

    def end(node: Node, name: str) -> Node:
        if named.setdefault(node, name) != name:  # one result under two names
            node = Node(layers.Identity, (node,), name=name, shape=node.shape)
            named[node] = name
        return node

    flat = [end(node, name) for node, name in zip(keras.tree.flatten(graph.outputs), names, strict=True)]
    graph.outputs = keras.tree.pack_sequence_as(graph.outputs, flat)
    givers = {node.input for node in named if node.inputs and node.input.many}  # such outputs are named after these
    for node in graph.nodes:
        if node in named:
            node.name = node.name if node.is_a(layers.InputLayer) else named[node]
        elif node.name in names and node not in givers and not node.is_a(layers.InputLayer):
            node.name += UNROUNDED


def float_inputs(graph: Graph) -> None:
    """Turns integer inputs into float32 inputs: the file's own input type is chosen on conversion."""
    readers: dict[Node, list[Node | None]] = {}
    for node in graph.nodes:
        for source in node.inputs:
            readers.setdefault(source, []).append(node)
    for node in graph.nodes:
        own = readers.get(node, [None])
        if node.is_a(layers.InputLayer) and node.integers and all(n is not None and _to_floats(n) for n in own):
            node.config["dtype"] = node.dtype = "float32"
    graph.rewrite(lambda node, uses: node.input if _to_floats(node) and not node.input.integers else None)


def _to_floats(node: Node) -> bool:
    return node.is_a(ops.cast) and node.input.is_a(layers.InputLayer) and not node.integers


def rounding(node: Node, uses: Uses) -> None:
    """Turns a linear layer into one that rounds its kernel."""
    if node.call in ROUNDED and node.config.get("activation") in (None, "linear"):
        unfolded(node)
        node.call = ROUNDED[node.call]


def unfolded(node: Node) -> None:
    """Gives a linear layer its own kernel again where scales and shifts beside it were folded into it.

    A Rescaling by 1/255 makes a kernel 255 times smaller, for which Adam's steps would be 255 times too large.
    """
    if node.output_affine is not None and _changes(node.output_affine[0]):
        scale, shift = node.output_affine
        kernel, bias = (np.asarray(w, np.float64) for w in node.weights)
        node.weights = [
            scaled(node.call, kernel, 1 / scale).astype("float32"),
            ((bias - shift) / scale).astype("float32"),
        ]
        node.config |= {"output_scale": scale.tolist(), "output_shift": shift.tolist()}
    if node.input_affine is not None and np.all(node.input_affine[0]):
        scale, shift = node.input_affine
        groups, depthwise = node.config.get("groups", 1), node.is_a(*DEPTHWISE)
        kernel, bias = (np.asarray(w, np.float64) for w in node.weights)
        kernel = kernel / per_input(scale, kernel.shape, groups, depthwise)
        bias = bias - input_offset(kernel * per_input(shift, kernel.shape, groups, depthwise), depthwise)
        node.weights = [kernel.astype("float32"), bias.astype("float32")]
        node.config |= {"input_scale": scale.tolist(), "input_shift": shift.tolist()}


def _changes(scale: np.ndarray) -> bool:
    """Whether a scale can be divided by and is not 1."""
    return bool(np.all(scale) and np.any(scale != 1))


def quantized(
    node: Node, uses: Uses, momentum: float = MOMENTUM, norms: float = MOMENTUM, least: float | None = None
) -> Node | None:
    """`node` with a `FakeQuant` behind it; `node` itself if its result has no range of its own in int8.

    momentum: of the range. norms: the largest momentum of batch normalization. least: see `floors`.
    """
    if is_relu(node) and node.input.is_a(FakeQuant) and uses[node.input] == 1:
        before = node.input.input
        if before.is_a(*FUSING, *ROUNDED.values()):
            node.args = (before,)
    if node.is_a(layers.BatchNormalization):
        if node.input.is_a(FakeQuant) and node.input.input.is_a(*LINEAR, *ROUNDED.values()):
            node.args = (node.input.input,)  # folded in the file: nothing is rounded between
        node.config["momentum"] = min(node.config["momentum"], norms)
    if node.many or node.integers or node.is_a(ONE_HOT, Affine) or _as_before(node):
        return None
    low, high = fixed_range(node)
    config = {"low": low, "high": high, "momentum": momentum, "least": least, "is_input": node.is_a(layers.InputLayer)}
    return Node(FakeQuant, (node,), config=config, name=f"{node.name}_quant", shape=node.shape)


def floors(graph: Graph) -> dict[Node, float]:
    """Node -> the value below which hard-swish, its only reader, is zero: smaller values need not be distinguished."""
    uses, taken = graph.uses(), {node: gated(node) for node in graph.nodes}
    return {x: floor(node) for node, x in taken.items() if x is not None and uses[x] == 2}


def divisors(graph: Graph) -> set[Node]:
    """The divisors of divisions: rounded they might be zero, so they and the divisions stay in float."""
    return {n.args[1] for n in graph.nodes if type(n.call) in DIVIDE and len(n.inputs) == len(n.args) == 2}


def _as_before(node: Node) -> bool:
    """Whether the int8 result has the scale of what is taken: no range of its own."""
    node = node.input if isinstance(node.call, Item) else node
    return node.is_a(*SAME_SCALE, *TRAINING_ONLY, ActivityRegularizer)


def fixed_range(node: Node) -> tuple[float, float] | tuple[None, None]:
    """(low, high) of a result whose range is known beforehand; (None, None) for any other result."""
    if is_relu(node) and node.config.get("max_value"):
        return 0.0, 6.0
    name = activation_of(node) if node.is_a(layers.Activation) else None
    name = "softmax" if node.is_a(layers.Softmax, *SOFTMAX) else name
    return FIXED.get(name, (None, None))
