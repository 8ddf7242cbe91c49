"""Groups of layers and operations by what they do.

They are distinguished by class, not by class name, because other packages may use the same names.
"""

import importlib
import inspect
from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

from keras_cnns.graph.keras_internals import producer
from keras_cnns.graph.node import Node

CONVS = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
LINEAR = (*CONVS, *DEPTHWISE, *TRANSPOSED, layers.Dense)  # y = kernel * x + bias, if no activation is fused
SUMS = (layers.Add, layers.Subtract, layers.Multiply, ops.add, ops.subtract, ops.multiply)
POOLS = (layers.MaxPooling2D, layers.AveragePooling2D)
SEPARABLE = {
    layers.SeparableConv1D: (layers.DepthwiseConv1D, layers.Conv1D),
    layers.SeparableConv2D: (layers.DepthwiseConv2D, layers.Conv2D),
}


def _layers(*names: str) -> tuple[type[keras.Layer], ...]:
    """The layer classes of these names; names that the installed Keras lacks are left out."""
    return tuple(getattr(layers, name) for name in names if hasattr(layers, name))


def _private(module: str, name: str) -> type[keras.Layer]:
    """A private layer class of keras.applications."""
    return getattr(importlib.import_module(f"keras.src.applications.{module}"), name)


FUNCTIONAL = importlib.import_module("keras.src.models.functional").Functional
LAYER_SCALE = _private("convnext", "LayerScale")
SCALED_SUM = _private("inception_resnet_v2", "CustomScaleLayer")  # a + b * scale

# These only act in training. Crops and resizes are not among them: they act at inference too.
DROPOUTS = _layers("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout")
DROPOUTS += (_private("convnext", "StochasticDepth"),)
_RANDOM = "Flip Rotation Translation Zoom Shear Perspective Erasing GaussianBlur Contrast Brightness Saturation"
_RANDOM += " Hue Sharpness Grayscale ColorJitter ColorDegeneration Posterization Invert"
AUGMENTATIONS = _layers(*(f"Random{kind}" for kind in _RANDOM.split()))
NOISES = _layers("GaussianDropout", "GaussianNoise", "ActivityRegularization", "Identity")
TRAINING_ONLY = (*DROPOUTS, *NOISES, *AUGMENTATIONS)


def _operation(call: Callable[..., Any], *args: Any, **kwargs: Any) -> type[keras.Operation]:
    """The operation class that Keras records for a call of this function. `...` stands for a tensor."""
    tensors = [keras.KerasTensor((2, 4, 4, 3)) if arg is ... else arg for arg in args]
    return type(producer(keras.tree.flatten(call(*tensors, **kwargs))[0]))


FLIP = _operation(ops.flip, ..., axis=1)
CAST = _operation(ops.cast, ..., "int32")
PAD = _operation(ops.pad, ..., [[0, 0], [1, 1], [1, 1], [0, 0]])
DIVIDE = {_operation(ops.true_divide, ..., 2.0), _operation(ops.divide, ..., 2.0)}
ARGMAX, ARGMIN = _operation(ops.argmax, ..., axis=-1), _operation(ops.argmin, ..., axis=-1)
ONE_HOT = _operation(lambda x: ops.one_hot(ops.cast(x, "int32"), 3), ...)
NEGATIVE = _operation(ops.negative, ...)
_MATRIX = keras.KerasTensor((2, 2))
MATRIX_PRODUCTS = tuple(_operation(call, _MATRIX, _MATRIX) for call in (ops.matmul, ops.dot))
MATRIX_PRODUCTS += (_operation(lambda a: ops.tensordot(a, a, 1), _MATRIX),)
EINSUM = _operation(lambda a: ops.einsum("ij,jk->ik", a, a), _MATRIX)
MEAN = _operation(ops.mean, ..., axis=(1, 2))
SOFTMAX = {_operation(ops.softmax, ...), _operation(keras.activations.softmax, ...)}
LOG_SOFTMAX = {_operation(ops.log_softmax, ...), _operation(keras.activations.log_softmax, ...)}
RESHAPES: tuple = (_operation(ops.reshape, ..., (2, 48)), _operation(ops.squeeze, keras.KerasTensor((2, 1))))
RESHAPES += (_operation(ops.expand_dims, ..., 1),)
COPIES = (_operation(ops.stop_gradient, ...), _operation(ops.copy, ...))
SPLIT, UNSTACK = _operation(ops.split, ..., 2, axis=1), _operation(ops.unstack, ..., axis=1)
NORMALIZE, TOP_K = _operation(ops.normalize, ...), _operation(ops.top_k, ..., 2)
ARITHMETIC = {_operation(call, ..., 2.0): call for call in (ops.add, ops.multiply, ops.subtract)}
# Activation functions without arguments, by the operation that Keras records for a call.
ACTIVATIONS = {
    _operation(call, ...): call.__name__
    for call in (ops.relu, ops.relu6, ops.sigmoid, ops.tanh, ops.silu, ops.hard_silu, ops.hard_sigmoid)
}
RELU = _operation(keras.activations.relu, ...)  # may have a slope, a limit and a threshold

# Operations that move values without arithmetic.
MOVES = _layers("InputLayer", "Flatten", "Reshape", "Permute", "Identity", "Dropout", "Concatenate")
MOVES += _layers("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise", "GaussianDropout")
MOVES += _layers(*(f"{kind}{d}D" for d in (1, 2, 3) for kind in ("ZeroPadding", "Cropping")))
MOVES += (*RESHAPES, PAD, CAST, SPLIT, _operation(ops.transpose, ...), _operation(lambda x: x[:, 1], ...))
CONCATENATE = _operation(lambda x: ops.concatenate([x, x]), ...)
MOVES += (CONCATENATE,)
MATMUL = _operation(lambda x: ops.matmul(x, ops.swapaxes(x, 2, 3)), ...)
MAX = _operation(ops.max, ..., axis=(1, 2))

POOLINGS = _layers(*(f"{kind}Pooling{d}D" for d in (1, 2, 3) for kind in ("Max", "Average")))
GLOBAL_POOLINGS = _layers(*(f"Global{kind}Pooling{d}D" for d in (1, 2, 3) for kind in ("Max", "Average")))
ZERO_PADDINGS, CROPPINGS, UPSAMPLINGS = (
    _layers(*(f"{kind}{d}D" for d in (1, 2, 3))) for kind in ("ZeroPadding", "Cropping", "UpSampling")
)

# Activation functions that pass positive values, and the layers and operations that apply such a function.
_POSITIVE = ["relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "hard_silu", "mish", "softplus"]
RECTIFIERS = _layers("ReLU", "LeakyReLU", "PReLU", "ELU")
RECTIFIERS += (RELU, *(_operation(getattr(ops, name), ...) for name in _POSITIVE if hasattr(ops, name)))
SIGMOID = {_operation(ops.sigmoid, ...), _operation(keras.activations.sigmoid, ...)}

# Each position of the output depends only on the same position of the inputs, over any channels.
POINTWISE = _layers("BatchNormalization", "Activation", "Softmax", "Rescaling", "Normalization", "Identity", "Dense")
POINTWISE += _layers("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout")
POINTWISE += _layers("Add", "Subtract", "Multiply", "Maximum", "Minimum", "Average", "Concatenate")
POINTWISE += (*RECTIFIERS, *SOFTMAX, *SIGMOID, CAST, NEGATIVE, *DIVIDE, *ARITHMETIC)
POINTWISE += tuple(
    _operation(getattr(ops, name), ...)
    for name in [
        "tanh",
        "hard_sigmoid",
        "hard_tanh",
        "softsign",
        "exp",
        "log",
        "sqrt",
        "rsqrt",
        "square",
        "abs",
        "absolute",
    ]
)
POINTWISE += tuple(_operation(call, ..., 2.0) for call in (ops.power, ops.maximum, ops.minimum))
POINTWISE += (_operation(ops.clip, ..., 0.0, 1.0), CONCATENATE)

# The output holds values of the input, reordered or a selection: as integers, both have the same scale.
SAME_SCALE = _layers("Flatten", "Reshape", "Permute", "Resizing", "CenterCrop", "UpSampling1D", "UpSampling2D")
SAME_SCALE += _layers("GlobalMaxPooling1D", "GlobalMaxPooling2D", "ZeroPadding1D", "ZeroPadding2D")
SAME_SCALE += _layers(*(f"{kind}{d}D" for d in (1, 2) for kind in ("MaxPooling", "AveragePooling", "Cropping")))
SAME_SCALE += (ops.pad, FLIP, _operation(ops.transpose, ...), SPLIT, UNSTACK)
SAME_SCALE += (_operation(ops.squeeze, keras.KerasTensor((2, 1))), _operation(ops.expand_dims, ..., 1))
SAME_SCALE += (_operation(lambda x: x[:, 1], ...), _operation(ops.image.resize, ..., (2, 2)), *DROPOUTS)

_FUNCTIONS = {call for _, call in inspect.getmembers(keras.activations, inspect.isfunction)}


def activation_of(node: Node) -> str:
    """The name of the Keras function that an Activation layer applies; "" for a foreign function."""
    return name_of(keras.activations.get(node.config["activation"]))


def name_of(function: Any) -> str:
    """The name of a Keras activation function; "" for a foreign function."""
    return function.__name__ if inspect.isfunction(function) and function in _FUNCTIONS else ""


def is_rectifier(activation: Any) -> bool:
    """Whether an activation (function, layer or operation) is one of Keras's that pass positive values."""
    return type(activation) in RECTIFIERS or name_of(activation) in _POSITIVE


def is_squashing(activation: Any) -> bool:
    """Whether an activation (function, layer or operation) is Keras's softmax or sigmoid."""
    return type(activation) in (layers.Softmax, *SOFTMAX) or name_of(activation) == "softmax" or is_sigmoid(activation)


def is_sigmoid(activation: Any) -> bool:
    """Whether an activation (function or operation) is Keras's sigmoid."""
    return type(activation) in SIGMOID or name_of(activation) == "sigmoid"


def is_relu(node: Node) -> bool:
    """Whether this node is relu or relu6, which TFLite fuses into the operator before it."""
    config = node.config
    is_plain = node.is_a(layers.ReLU) and not config.get("negative_slope") and not config.get("threshold")
    return is_plain and config.get("max_value") in (None, 6.0)


def is_hard_swish(node: Node) -> bool:
    """Whether this node is an Activation layer with hard-swish."""
    return node.is_a(layers.Activation) and activation_of(node) == "hard_silu"
