"""Folds batch normalization, and any other scale and shift per channel, into the kernels before or behind it."""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from keras_cnns.graph.kinds import CONVS, DEPTHWISE, FLIP, LAYER_SCALE, LINEAR, TRANSPOSED
from keras_cnns.graph.node import Node, Uses, cast, like, new, plus, shaped, times
from keras_cnns.tflite.rewrite.padding import each, zeros_around


class Affine:
    """The `call` of a node that computes x * scale + shift per channel; scale and shift are its two weights."""


def as_affine(node: Node, uses: Uses | None = None, *, training: bool = False) -> Node | None:
    """Turns batch normalization with its statistics, Rescaling, Normalization and layer scale into `Affine` nodes.

    training: keep those with trainable weights, unless they are frozen.
    """
    if len(node.shape) < 2 or node.shape[-1] is None or not node.inputs:
        return None
    affine = _affine(node)
    if affine is None:
        return None
    scale, shift = (np.broadcast_to(np.asarray(v, np.float64), node.shape[-1:]) for v in affine)
    own = training and not node.is_a(layers.Rescaling, layers.Normalization)
    learns = own and node.config.get("trainable", True)
    x = cast(node.input, "float32", node) if node.input.integers else node.input
    return like(node, call=Affine, config={"trainable": learns}, weights=[scale, shift], args=(x,))


def follows_linear(node: Node, uses: Uses) -> bool:
    """Whether the node is the batch normalization of the convolution or dense layer before it."""
    return node.is_a(layers.BatchNormalization) and node.input.is_a(*LINEAR) and uses[node.input] == 1


def to_unit_variance(node: Node, uses: Uses) -> None:
    """Scales up linear layers whose results have a variance below 1; the batch normalization behind them scales back.

    Together they compute the same. If weight decay has left a kernel small, held statistics magnify it, and an
    optimizer with steps of fixed size, such as Adam, would change it far more than other kernels. Larger kernels are
    not scaled down, because that would make their changes larger.
    """
    if not follows_linear(node, uses) or node.shared or node.input.shared:
        return
    before, epsilon = node.input, node.config["epsilon"]
    learns = all(n.config.get("trainable", True) for n in (node, before))
    bound = any(before.config.get(key) for key in ("kernel_constraint", "depthwise_constraint", "bias_constraint"))
    *own, mean, variance = (np.asarray(w, np.float64) for w in node.weights)
    last = node.config["axis"] in (-1, len(node.shape) - 1, [len(node.shape) - 1])
    if not learns or bound or not last or np.any(variance + epsilon <= 0):
        return
    scale = np.maximum(1 / np.sqrt(variance + epsilon), 1)
    kernel, *bias = (np.asarray(w, np.float64) for w in before.weights)
    before.weights = [w.astype("float32") for w in (scaled(before.call, kernel, scale), *(b * scale for b in bias))]
    node.weights = [w.astype("float32") for w in (*own, mean * scale, (variance + epsilon) * scale**2 - epsilon)]


def scaled(kind: type, kernel: np.ndarray, scale: np.ndarray | float) -> np.ndarray:
    """The kernel of a linear layer of that class, with its results times `scale`, a number or one for each channel."""
    if kind in TRANSPOSED:
        return kernel * np.reshape(scale, (-1, 1)) if np.ndim(scale) else kernel * scale
    if kind in DEPTHWISE:
        return kernel * (np.reshape(scale, kernel.shape[-2:]) if np.ndim(scale) else scale)
    return kernel * scale


def _affine(node: Node) -> tuple[Any, Any] | None:
    config, last = node.config, len(node.shape) - 1
    if node.is_a(layers.BatchNormalization) and config["axis"] in (-1, last, [last]):
        weights = [np.asarray(w, np.float64) for w in node.weights]
        gamma = weights.pop(0) if config["scale"] else 1.0
        beta = weights.pop(0) if config["center"] else 0.0
        mean, variance = weights
        scale = gamma / np.sqrt(variance + config["epsilon"])
        return scale, beta - mean * scale
    if node.is_a(layers.Rescaling):
        values = [np.asarray(config[k], np.float64) for k in ("scale", "offset")]
        return (values[0], values[1]) if all(v.ndim < 2 or v.size == v.shape[-1] for v in values) else None
    if node.is_a(layers.Normalization) and not config["invert"]:
        mean, variance = (np.asarray(config[k], np.float64) for k in ("mean", "variance"))
        if mean.ndim > 1 or config["axis"] not in (None, -1, last, [last], (last,), [-1], (-1,)):
            return None
        scale = 1.0 / np.maximum(np.sqrt(variance), keras.backend.epsilon())
        return scale, -mean * scale
    if node.is_a(LAYER_SCALE):
        return np.asarray(node.weights[0], np.float64), 0.0
    return None


def flip_kernel(node: Node, uses: Uses) -> Node | None:
    """Replaces the reversal of channels (RGB to BGR) by a reversed kernel in the next layer; XNNPACK cannot reverse."""
    flip = node.inputs[0] if node.inputs else None
    if flip is None or not flip.is_a(FLIP) or flip.call.axis not in (-1, len(flip.shape) - 1) or uses[flip] != 1:
        return None
    if node.is_a(*CONVS, layers.Dense) and node.config.get("groups", 1) == 1:
        kernel, *bias = node.weights
        return like(node, weights=[np.ascontiguousarray(kernel[..., ::-1, :]), *bias], args=(flip.input,))
    if node.is_a(Affine) or zeros_around(node) is not None:  # these go before it
        moved = like(node, weights=[w[::-1] for w in node.weights])
        moved.args = (flip.input, *node.args[1:])
        return like(flip, args=(moved, *flip.args[1:]), shape=node.shape)
    return None


def fold_back(node: Node, uses: Uses) -> Node | None:
    """Folds an affine node, or a number added or multiplied, into the linear layer or affine node before it."""
    affine = number_affine(node) or (node.weights if node.is_a(Affine) else None)
    if affine is None or uses[node.input] != 1:
        return None
    before, (scale, shift) = node.input, affine
    learns = node.config.get("trainable", False)
    if before.is_a(Affine):
        merged = [before.weights[0] * scale, before.weights[1] * scale + shift]
        return like(before, config={"trainable": learns or before.config["trainable"]}, weights=merged)
    if not before.is_a(*LINEAR) or (learns and not before.config.get("trainable", True)):
        return None  # what is trained does not go into what is frozen
    kernel = np.asarray(before.weights[0], np.float64)
    bias = before.weights[1] if before.config["use_bias"] else 0.0
    scale, shift = (np.broadcast_to(np.asarray(v, np.float64), before.shape[-1:]) for v in (scale, shift))
    first_scale, first_shift = before.output_affine or (1.0, 0.0)
    both = first_scale * scale, first_shift * scale + shift
    return _reweighted(before, scaled(before.call, kernel, scale), bias * scale + shift, output_affine=both)


def fold_forward(node: Node, uses: Uses) -> Node | None:
    """Folds an affine node into the linear layer behind it, unless that one pads: the padded zeros are not shifted."""
    if not node.is_a(*CONVS, *DEPTHWISE, layers.Dense):
        return None
    before = node.input
    if not before.is_a(Affine) or uses[before] != 1:
        return None
    scale, shift = before.weights
    pads = node.config.get("padding", "valid") != "valid" and max(each(node.config["kernel_size"])) > 1
    if pads and np.any(shift):
        return None
    if before.config["trainable"] and not node.config.get("trainable", True):
        return None
    kernel = np.asarray(node.weights[0], np.float64)
    bias = node.weights[1] if node.config["use_bias"] else np.zeros(node.shape[-1])
    groups, depthwise = node.config.get("groups", 1), node.is_a(*DEPTHWISE)
    shifted = input_offset(kernel * per_input(shift, kernel.shape, groups, depthwise), depthwise)
    kernel = kernel * per_input(scale, kernel.shape, groups, depthwise)
    return _reweighted(node, kernel, bias + shifted, args=(before.input,), input_affine=(scale, shift))


def keep_before_linear(node: Node, uses: Uses) -> Node | None:
    """`fold_forward` for a network that will be trained: what does not learn is marked to be folded later."""
    folded = fold_forward(node, uses)
    if folded is None or node.input.config["trainable"]:
        return folded
    node.input.config["folded_later"] = True
    return None


def per_input(values: np.ndarray, shape: tuple[int, ...], groups: int = 1, depthwise: bool = False) -> np.ndarray:
    """Values of the input channels, shaped so that a kernel of this shape can be multiplied by them."""
    if depthwise:
        return values[:, None]
    # input channel i of group g meets only that group's filters
    return np.repeat(np.split(values, groups), shape[-1] // groups, axis=0).T


def input_offset(kernel: np.ndarray, depthwise: bool = False) -> np.ndarray:
    """What a constant input, already multiplied into `kernel`, adds to each output channel."""
    return kernel.sum(axis=tuple(range(kernel.ndim - 2 if depthwise else kernel.ndim - 1))).ravel()


def depthwise(node: Node, uses: Uses | None = None) -> Node | None:
    """Turns affine nodes that could not be folded into 1x1 depthwise convolutions."""
    if not node.is_a(Affine) or node.config.get("folded_later"):
        return None
    x, rank, channels = node.input, len(node.shape), node.shape[-1]
    if rank != 4:
        x = new(layers.Reshape, (x,), node, "in", {"target_shape": (-1, 1, channels)})
        x.shape = (node.shape[0], None, 1, channels)
    config = {"kernel_size": 1, "padding": "valid", "strides": 1, "dilation_rate": 1, "use_bias": True, **node.config}
    result = like(node, call=layers.DepthwiseConv2D, config=config, args=(x,))
    result.weights = [node.weights[0].astype("float32")[None, None, :, None], node.weights[1].astype("float32")]
    if rank != 4:
        result.shape = x.shape
        target = [-1 if n is None else n for n in node.shape[1:]]
        result = new(layers.Reshape, (result,), node, "out", {"target_shape": target})
    return result


def scaled_input(node: Node, uses: Uses | None = None) -> Node | None:
    """Writes an affine node on an input as a product and a sum with one number each, if all channels are scaled alike.

    An NPU reads the picture from slow memory. Vela estimates eight times as many cycles for a depthwise convolution of
    it as for a product with one number, and for a product with a number for each channel.
    """
    if not node.is_a(Affine) or node.config.get("folded_later") or node.input.inputs:
        return None
    scale, shift = (weight.astype("float32") for weight in node.weights)
    if np.ptp(scale) or np.ptp(shift):
        return None
    return plus(times(node.input, float(scale[0]), node), float(shift[0]), node)


def summed_input(node: Node, uses: Uses) -> Node | None:
    """Writes an affine node on an input, with values for each channel, as a sum before the padded convolution.

    The scale is folded into the kernel; the shift cannot be, since padded zeros are not shifted. For the largest NPU
    Vela estimates fewer cycles for the sum than for a depthwise convolution.
    """
    if not node.is_a(*CONVS, *DEPTHWISE):
        return None
    padded = node.input if node.input.is_a(layers.ZeroPadding2D) and uses[node.input] == 1 else None
    before = node.input if padded is None else padded.input
    if not before.is_a(Affine) or before.input.inputs or uses[before] != 1:
        return None
    scale, shift = (np.asarray(weight, np.float64) for weight in before.weights)
    if before.config.get("folded_later") or not np.all(scale) or not (np.ptp(scale) or np.ptp(shift)):
        return None
    moved = new(ops.add, (before.input, (shift / scale).astype("float32")), before, "plus", {})
    moved = shaped(moved, before.input)
    source = moved if padded is None else like(padded, args=(moved,))  # zeros stay zeros under the scale
    scaled_only = like(before, args=(source,), weights=[scale, np.zeros_like(shift)])
    scaled_only.shape = source.shape
    return fold_forward(like(node, args=(scaled_only,)), {scaled_only: 1})


def number_affine(node: Node) -> tuple[float, float] | None:
    """(scale, shift) of a call that adds, subtracts or multiplies by one plain number; None for any other call."""
    if node.is_a(ops.add, ops.subtract, ops.multiply) and len(node.inputs) == 1 and len(node.args) == 2:
        first, second = node.args
        number = second if first is node.input else first
        if np.ndim(number) == 0:
            number = float(number)
            if node.is_a(ops.multiply):
                return number, 0.0
            if node.is_a(ops.add):
                return 1.0, number
            return (1.0, -number) if first is node.input else (-1.0, number)
    return None


def _reweighted(node: Node, kernel: np.ndarray, bias: np.ndarray, **changes: Any) -> Node:
    config = {k: v for k, v in node.config.items() if not k.endswith("_constraint")}
    weights = [kernel.astype("float32"), np.asarray(bias, "float32")]
    return like(node, config={**config, "use_bias": True}, weights=weights, **changes)
