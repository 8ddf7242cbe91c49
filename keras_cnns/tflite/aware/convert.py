"""Converts a trained quantization-aware model to the int8 file that answers as the model does."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.graph.kinds import LINEAR, TRAINING_ONLY
from keras_cnns.graph.node import Node, Uses
from keras_cnns.graph.reader import read
from keras_cnns.support.errors import UserError
from keras_cnns.tflite.aware.activity import without_regularizer
from keras_cnns.tflite.aware.fake_quant import ROUNDED, SCALINGS, FakeQuant, is_quantization_aware
from keras_cnns.tflite.aware.input_ranges import customary
from keras_cnns.tflite.file import convert as conversion
from keras_cnns.tflite.file import repair
from keras_cnns.tflite.rewrite.fold import as_affine, depthwise, fold_back
from keras_cnns.tflite.rewrite.prepare import without_dropout_inside


def native(model: Any) -> keras.Model:
    """The Keras 3 model of what `quantization_aware` returned by either method; any other model as it is."""
    twin = getattr(model, "keras_cnns_twin", None)
    return model if twin is None else twin.back(model)


def convert(model: Any, *, batch: int | None = 1, input_type: str = "int8", output_type: str = "int8") -> bytes:
    """The int8 flatbuffer of a trained quantization-aware model, as bytes; no calibration is needed.

    batch: fixed; None leaves it open. input_type, output_type: "int8", "uint8" or "float32".

    Raises:
      UserError: the model is not quantization-aware, or has not seen a picture yet.
    """
    model = native(model)
    converter = conversion.converter(frozen(model), batch, outputs=conversion.output_names(model))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]  # with ranges in the graph: no representative data set
    converter.inference_input_type = getattr(tf, input_type)
    converter.inference_output_type = getattr(tf, output_type)
    return repair.with_float_inputs(conversion.run(converter))


def frozen(model: keras.Model) -> keras.Model:
    """The quantization-aware model with standard layers, rounded kernels and fixed ranges.

    Raises:
      UserError: the model is not quantization-aware, or has not seen a picture yet.
    """
    if not is_quantization_aware(model):
        raise UserError(f"{model.name} is not quantization-aware: give the model that quantization_aware() returned.")
    graph = read(model)
    for rule in (without_regularizer, _freeze, as_affine, fold_back, depthwise, _unlike):
        graph.rewrite(rule)
    return graph.build()


def _freeze(node: Node, uses: Uses) -> Node | None:
    if node.is_a(*TRAINING_ONLY):
        return node.input
    without_dropout_inside(node, uses)
    for plain, rounded in ROUNDED.items():
        if node.is_a(rounded):
            layer = rounded.from_config(node.settings(node.name))
            layer.build(node.input.shape)
            for variable, value in zip((layer.kernel, layer.bias), node.weights, strict=False):
                variable.assign(value)
            node.weights = [np.asarray(layer.rounded), *(np.asarray(layer.folded_bias) for _ in node.weights[1:])]
            node.call = plain
            node.config = {key: v for key, v in node.config.items() if key not in SCALINGS}
    if node.is_a(FakeQuant):
        node.config["least"] = None  # the range begins there: in the file it would be an operator of its own
    if node.is_a(FakeQuant) and node.weights:
        low, high, seen = (float(w) for w in node.weights)
        if not seen:
            raise UserError(
                f"{node.name} has no range yet: train the model, or call quantization_aware with pictures=."
            )
        if not np.isfinite([low, high]).all():
            raise UserError(
                f"{node.name} ranges from {low} to {high}: the training diverged. Use a smaller learning rate."
            )
        if node.config.get("is_input"):
            low, high = map(float, customary(low, high))
        node.config |= {"low": low, "high": max(high, low + 1e-6)}
        node.weights = []
    return None


def _unlike(node: Node, uses: Uses) -> None:
    """Biases of one number for all channels, which the converter rounds by the first scale: one is moved a bit."""
    bias = node.weights[1] if node.is_a(*LINEAR) and node.config.get("use_bias") else np.zeros(1)
    if len(bias) > 1 and bias[0] and np.all(bias == bias[0]):
        node.weights[1] = np.append(bias[:-1], np.nextafter(bias[-1], np.float32(0))).astype("float32")
