"""Quantization-aware training of any functional Keras 3 model, and the int8 file that answers as it was trained to.

>>> model = quantization_aware(model)
>>> model.compile(...); model.fit(...)        # a small learning rate, one to ten epochs
>>> data = convert(model)                     # or export(model, "model.tflite", scheme="int8")

The graph is prepared (activations apart, batch norm only where it can be folded), each kernel becomes one that rounds
itself, and a `FakeQuant` stands after every operator whose int8 result has a range of its own.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from keras_cnns.errors import UserError
from keras_cnns.tflite import convert as conversion
from keras_cnns.tflite.fake_quant import MOMENTUM, ROUNDED, FakeQuant
from keras_cnns.tflite.graph import Node, read
from keras_cnns.tflite.prepare import (
    DROPOUTS,
    LINEAR,
    TRAINING_ONLY,
    activation_of,
    as_affine,
    depthwise,
    fold_back,
    is_relu,
    prepared,
)

# Operators whose int8 result has the scale of what they take: no range of their own.
SAME_SCALE = {"Flatten", "Reshape", "Permute", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "pad"} | DROPOUTS
SAME_SCALE |= {f"{what}{d}D" for d in (1, 2) for what in ("MaxPooling", "AveragePooling", "ZeroPadding", "Cropping")}
SAME_SCALE |= {
    "UpSampling1D",
    "UpSampling2D",
    "Resizing",
    "Resize",
    "CenterCrop",
    "Transpose",
    "Squeeze",
    "ExpandDims",
    "Flip",
    "GetItem",
    "Split",
}
# Results whose int8 range TFLite fixes.
FIXED = {"sigmoid": (0.0, 255 / 256), "softmax": (0.0, 255 / 256), "tanh": (-1.0, 127 / 128)}
# Operators into which a following relu or relu6 is fused: what lies between is never rounded.
FUSING = (*LINEAR, layers.BatchNormalization, layers.Add, layers.Subtract, layers.Multiply)
FUSING += (ops.add, ops.subtract, ops.multiply)

OUTPUT = "_output"  # ends the names of the last layers; the file's outputs are named without it

METHODS = ("keras", "tfmot")


def quantization_aware(model, *, method="keras", momentum=MOMENTUM, fold=False, pictures=None, outputs=None):
    """A model of the same inputs and outputs that computes as int8 would, to be trained a little further.

    method: "keras" gives a Keras 3 model, for `fit`, any callback, any strategy and `.keras` files; "tfmot" gives
      a tf_keras model quantized by tensorflow-model-optimization (see `twin.py`).
    momentum: of the moving ranges of the activations, and batch norm's if that was slower (method "keras").
    fold: batch norm goes into the kernels before the training, and not after it. It computes the same int8 either way
      (a filter's steps scale with the filter), but with batch norm kept the training is steadier.
    outputs: those to keep, as in `prepare`.
    pictures: (N, ...) as the model takes them; the ranges start from them, and not from the first batch of `fit`.

    Layers that were frozen stay frozen; dropout stays, augmentation and noise layers go. Layers without an int8 form
    (layer normalization, local response normalization) compute in float32 between rounded inputs and outputs.

    Raises:
      UserError: the model has no graph, is quantization-aware already, or has a layer that cannot be made again.
    """
    if method not in METHODS:
        raise UserError(f"there is no method {method!r}: choose from {', '.join(METHODS)}")
    if method == "tfmot":
        from keras_cnns.tflite import twin

        return twin.quantization_aware(model, pictures=pictures, outputs=outputs)
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


def native(model):
    """The Keras 3 model of what `quantization_aware` returned by either method; any other model as it is."""
    twin = getattr(model, "keras_cnns_twin", None)
    return model if twin is None else twin.back(model)


def is_quantization_aware(model):
    """Whether this is a Keras 3 model that `quantization_aware` made."""
    return isinstance(model, keras.Model) and any(isinstance(layer, FakeQuant) for layer in model.layers)


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


def convert(model, *, batch=1, input_type="int8", output_type="int8"):
    """The int8 flatbuffer of a trained quantization-aware model, as bytes; no calibration is needed.

    batch: fixed; None leaves it open. input_type, output_type: "int8", "uint8" or "float32".

    Raises:
      UserError: the model is not quantization-aware, or has not seen a picture yet.
    """
    model = native(model)
    outputs = [name.removesuffix(OUTPUT) for name in conversion.output_names(model)]
    converter = conversion.converter(frozen(model), batch, outputs=outputs)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]  # with ranges in the graph: no representative data set
    converter.inference_input_type = getattr(tf, input_type)
    converter.inference_output_type = getattr(tf, output_type)
    return conversion.run(converter)


def frozen(model):
    """The quantization-aware model with standard layers, kernels already rounded and ranges as numbers.

    Raises:
      UserError: the model is not quantization-aware, or has not seen a picture yet.
    """
    if not is_quantization_aware(model):
        raise UserError(f"{model.name} is not quantization-aware: give what quantization_aware() returned")
    graph = read(model)
    for rule in (_freeze, as_affine, fold_back, depthwise):
        graph.rewrite(rule)
    return graph.build()


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
    if (
        node.many
        or node.kind in SAME_SCALE | TRAINING_ONLY
        or (node.is_a(layers.InputLayer) and "int" in node.config["dtype"])
    ):
        return None
    low, high = fixed_range(node)
    config = {"low": low, "high": high, "momentum": momentum}
    return Node(FakeQuant, (node,), config=config, name=f"{node.name}_quant", shape=node.shape)


def fixed_range(node):
    """(low, high) of a result whose range is known beforehand; (None, None) for any other."""
    if is_relu(node) and node.config.get("max_value"):
        return 0.0, 6.0
    name = activation_of(node) if node.is_a(layers.Activation) else node.kind.lower()
    return FIXED.get(name, (None, None))


def _freeze(node, uses):
    if node.kind in TRAINING_ONLY:
        return node.input
    for plain, rounded in ROUNDED.items():
        if node.is_a(rounded):
            layer = rounded.from_config({**node.config, "name": node.name})
            layer.build(node.input.shape)
            layer.kernel.assign(node.weights[0])
            node.call, node.weights[0] = plain, np.asarray(layer.rounded)
    if node.is_a(FakeQuant) and node.weights:
        low, high, seen = (float(w) for w in node.weights)
        if not seen:
            raise UserError(f"{node.name} has seen no picture yet: train the model, or call qat.calibrate")
        if not np.isfinite([low, high]).all():
            raise UserError(
                f"{node.name} ranges from {low} to {high}: training went astray, take a smaller learning rate"
            )
        node.config |= {"low": low, "high": max(high, low + 1e-6)}
        node.weights = []
