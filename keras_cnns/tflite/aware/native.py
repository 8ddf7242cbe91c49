"""Quantization-aware training in Keras 3: a functional model becomes one that computes as int8 would.

The graph is prepared (activations apart, batch norm only where it can be folded), each kernel becomes one that rounds
itself, and a `FakeQuant` stands after every operator whose int8 result has a range of its own.
"""

import keras
import numpy as np
from keras import layers, ops

from keras_cnns.errors import UserError
from keras_cnns.tflite.aware.fake_quant import MOMENTUM, ROUNDED, FakeQuant, is_quantization_aware
from keras_cnns.tflite.graph.kinds import LINEAR, SAME_SCALE, SOFTMAX, TRAINING_ONLY, activation_of, is_relu
from keras_cnns.tflite.graph.node import Item, Node
from keras_cnns.tflite.graph.prepare import prepared
from keras_cnns.tflite.graph.reader import read

# Results whose int8 range TFLite fixes.
FIXED = {"sigmoid": (0.0, 255 / 256), "softmax": (0.0, 255 / 256), "tanh": (-1.0, 127 / 128)}
# Operators into which a following relu or relu6 is fused: what lies between is never rounded.
FUSING = (*LINEAR, layers.BatchNormalization, layers.Add, layers.Subtract, layers.Multiply)
FUSING += (ops.add, ops.subtract, ops.multiply)

OUTPUT = "_output"  # ends the names of the last layers; the file's outputs are named without it


def quantization_aware(model, *, momentum=MOMENTUM, fold=False, pictures=None, outputs=None):
    """`api.quantization_aware` by the method "keras"."""
    if is_quantization_aware(model):
        raise UserError(f"{model.name} is quantization-aware already: train it, or export it")
    graph = prepared(read(model), outputs=outputs, keep_dropout=True, keep_batch_norm=not fold)
    names = [node.origin for node in keras.tree.flatten(graph.outputs)]
    graph.rewrite(float_input)
    graph.rewrite(rounding)
    graph.rewrite(lambda node, uses: quantized(node, uses, momentum))
    for node, name in zip(keras.tree.flatten(graph.outputs), names, strict=True):
        node.name = f"{name}{OUTPUT}"
    made = graph.build()
    if pictures is not None:
        calibrate(made, pictures)
    return made


def calibrate(model, pictures, *, batch_size=32):
    """Lets the ranges of a quantization-aware model follow `pictures` (N, ...), without training anything else.

    Raises:
      UserError: they do not fit the model's inputs, are none at all, or not all numbers.
    """
    arrays = [np.asarray(array) for array in keras.tree.flatten(pictures)]
    wanted = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    if [len(array.shape[1:]) for array in arrays] != [len(shape) for shape in wanted] or any(
        n not in (None, m)
        for a, shape in zip(arrays, wanted, strict=True)
        for n, m in zip(shape, a.shape[1:], strict=True)
    ):
        raise UserError(
            f"pictures {[a.shape for a in arrays]} do not fit {model.name}, which takes (N, ...) of {wanted}"
        )
    if not len(arrays[0]) or not all(np.isfinite(array).all() for array in arrays):
        raise UserError("the pictures that set the ranges are none, or hold NaN or infinity")
    moving = [n for n in model.layers if isinstance(n, layers.BatchNormalization) and n.trainable]
    try:
        for layer in moving:
            layer.trainable = False  # its statistics stay, and are what it computes with
        for start in range(0, len(arrays[0]), batch_size):
            model(keras.tree.map_structure(lambda a: a[start : start + batch_size], pictures), training=True)  # noqa: B023
    finally:
        for layer in moving:
            layer.trainable = True


def float_input(node, uses):
    """Pixels given as integers are given as floats: the file's own input type is chosen on conversion."""
    if node.is_a(ops.cast) and node.input.is_a(layers.InputLayer):
        node.input.config["dtype"] = "float32"
        return node.input


def rounding(node, uses):
    """A linear layer becomes one whose kernel rounds itself."""
    if node.call in ROUNDED and node.config.get("activation") in (None, "linear"):
        node.call = ROUNDED[node.call]


def quantized(node, uses, momentum=MOMENTUM):
    """`node` with what rounds its result behind it; nothing where int8 has no range of its own there."""
    if is_relu(node) and node.input.is_a(FakeQuant) and uses[node.input] == 1:
        before = node.input.input
        if before.is_a(*FUSING, *ROUNDED.values()):
            node.args = (before,)
    if node.is_a(layers.BatchNormalization):
        if node.input.is_a(FakeQuant) and node.input.input.is_a(*LINEAR, *ROUNDED.values()):
            node.args = (node.input.input,)  # folded in the file: nothing is rounded between
        node.config["momentum"] = min(node.config["momentum"], momentum)
    if node.many or _as_before(node) or (node.is_a(layers.InputLayer) and "int" in node.config["dtype"]):
        return None
    low, high = fixed_range(node)
    config = {"low": low, "high": high, "momentum": momentum}
    return Node(FakeQuant, (node,), config=config, name=f"{node.name}_quant", shape=node.shape)


def _as_before(node):
    """Whether the int8 result has the scale of what is taken: no range of its own."""
    node = node.input if isinstance(node.call, Item) else node
    return node.is_a(*SAME_SCALE, *TRAINING_ONLY)


def fixed_range(node):
    """(low, high) of a result whose range is known beforehand; (None, None) for any other."""
    if is_relu(node) and node.config.get("max_value"):
        return 0.0, 6.0
    name = activation_of(node) if node.is_a(layers.Activation) else None
    name = "softmax" if node.is_a(layers.Softmax, *SOFTMAX) else name
    return FIXED.get(name, (None, None))
