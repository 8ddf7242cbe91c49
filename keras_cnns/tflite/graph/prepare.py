"""A finished model rewritten for a phone: fewer operators, the same answers (1e-5 relative).

What training needed goes: batch normalization is folded into the convolution beside it, dropout and auxiliary heads
are removed, padding layers become the convolution's own. What XNNPACK wants comes: activations stand apart, and what
it would leave to slower kernels - thinning pools, in int8 also hard-swish and average pooling - is written otherwise.
"""

import keras
import numpy as np
from keras import layers, ops, tree

from keras_cnns.errors import UserError
from keras_cnns.tflite.graph.graph import Graph, Node, read

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

# Nothing happens in these outside training. Crops and resizes are not among them: they act in inference too.
DROPOUTS = {"Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "StochasticDepth"}
AUGMENTATIONS = "Flip Rotation Translation Zoom Shear Perspective Erasing GaussianBlur Contrast Brightness Saturation"
AUGMENTATIONS += " Hue Sharpness Grayscale ColorJitter ColorDegeneration Posterization Invert"
TRAINING_ONLY = DROPOUTS | {"GaussianDropout", "GaussianNoise", "ActivityRegularization", "Identity"}
TRAINING_ONLY |= {f"Random{what}" for what in AUGMENTATIONS.split()}


class Affine:
    """Stands as `call` of a node for x * scale + shift per channel, its two weights, until it finds a convolution."""


def prepare(model, *, outputs=None, int8_forms=True):
    """The Keras 3 model of the same inputs and outputs, rewritten for inference on a phone.

    outputs: names or positions of the outputs to keep; by default all but those whose name begins with "aux".
    int8_forms: hard-swish as `(x * (1/6)) * relu6(x + 3)`, average pooling as a depthwise convolution, and a ReLU that
      no operator before it takes in behind one that changes nothing: XNNPACK runs these in int8. False keeps each one
      operator, which is faster in floats.

    Raises:
      UserError: the model has no graph, or a layer that cannot be made again; it names the layer.
    """
    return prepared(read(model), outputs=outputs, int8_forms=int8_forms).build()


def prepared(graph, *, outputs=None, int8_forms=True, keep_dropout=False, keep_batch_norm=False) -> Graph:
    """`prepare` on a graph, which is changed.

    keep_dropout: for a model that will be trained. keep_batch_norm: right after the linear layers, as they train.
    """
    keep_outputs(graph, outputs)
    kept = DROPOUTS if keep_dropout else set()
    graph.rewrite(lambda node, uses: _without_training(node, kept))
    graph.rewrite(apart)
    graph.rewrite(lambda node, uses: None if keep_batch_norm and follows_linear(node, uses) else as_affine(node))
    graph.rewrite(flip_kernel)
    graph.rewrite(fuse_padding)
    graph.rewrite(fold_back)
    graph.rewrite(fold_forward)
    graph.rewrite(depthwise)
    graph.rewrite(thinning)
    graph.rewrite(by_fives)
    if int8_forms:
        graph.rewrite(absorb_sixth)
        graph.rewrite(hard_swish)
        graph.rewrite(average)
        graph.rewrite(rectified)
    return graph


def keep_outputs(graph, wanted=None):
    """Leaves only the wanted outputs (names of their layers, or positions); what only the others need falls away."""
    flat = tree.flatten(graph.outputs)
    names = [node.name for node in flat]
    if wanted is None:
        main = [node for node in flat if not node.name.lower().startswith("aux")]
        if not main or len(main) == len(flat):
            return
    else:
        wanted = [wanted] if isinstance(wanted, (str, int)) else list(wanted)
        unknown = [w for w in wanted if w not in names and w not in range(len(flat))]
        if unknown or not wanted:
            raise UserError(f"no output {', '.join(map(str, unknown)) or 'is wanted'}: the model has {names}")
        main = [flat[w] if isinstance(w, int) else flat[names.index(w)] for w in wanted]
    graph.outputs = main if len(main) > 1 else main[0]


def _without_training(node, kept):
    if node.kind in TRAINING_ONLY - kept:
        return node.input
    if node.is_a(layers.Activation) and activation_of(node) == "linear":
        return node.input


def apart(node, uses=None):
    """One thing per node: fused activations, separable convolutions and scaled additions taken apart."""
    if node.config.get("data_format") == "channels_first":
        raise UserError(f"layer {node.name!r} is channels_first: phones read channels last, build it that way")
    if hasattr(node.call, "inference_form"):
        node = _inference_form(node)
        return apart(node) or node
    activation = node.config.get("activation") if node.is_a(*LINEAR, *SEPARABLE) else None
    if activation not in (None, "linear"):
        name = keras.activations.get(activation).__name__
        linear = like(node, config={**node.config, "activation": "linear"})
        linear = apart(linear) or linear
        fused = Node(layers.Activation, (linear,), config={"activation": activation}, shape=node.shape)
        fused.name, fused.origin = f"{node.name}_{name}", node.name
        return apart(fused) or fused
    if node.config.get("padding") == "causal":
        (size,), (dilation,) = (_all(node.config[key])[:1] for key in ("kernel_size", "dilation_rate"))
        before = new(layers.ZeroPadding1D, (node.input,), node, "past", {"padding": (dilation * (size - 1), 0)})
        before.shape = (node.shape[0], None, node.input.shape[-1])
        return apart(padded := like(node, config={**node.config, "padding": "valid"}, args=(before,))) or padded
    if node.is_a(*SEPARABLE):
        return _separable(node)
    if node.is_a(layers.Dense) and len(node.shape) == 4:
        return _pointwise(node)
    if node.is_a(layers.Activation) and activation_of(node) in ("relu", "relu6"):
        limit = 6.0 if activation_of(node) == "relu6" else None
        return like(node, call=layers.ReLU, config={"max_value": limit})
    if node.is_a(layers.Activation) and activation_of(node) == "hard_sigmoid":
        return times(relu6(plus(node.input, 3.0, node), node), 1 / 6, node)
    if node.is_a(layers.Activation) and activation_of(node) == "silu":
        gate = new(layers.Activation, (node.input,), node, "sigmoid", {"activation": "sigmoid"})
        return new(layers.Multiply, ([node.input, gate],), node, "silu", {})
    if node.is_a(layers.Average) and len(node.inputs) == 2:
        return times(new(layers.Add, node.args, node, "sum", {}), 0.5, node)
    if node.kind == "CustomScaleLayer":  # keras.applications' Inception-ResNet: a + b * scale
        a, b = node.inputs
        return new(layers.Add, ([a, times(b, float(node.config["scale"]), node)],), node, "add", {})


def _inference_form(node):
    """A layer that trains in another form says itself which layer of Keras it is afterwards."""
    layer = node.call.from_config({**node.config, "name": node.name})
    layer.build(node.input.shape)
    layer.set_weights(node.weights)
    call, config, weights = layer.inference_form()
    config.pop("name", None)
    return like(node, call=call, config=config, weights=weights)


def _separable(node):
    depthwise_call, pointwise_call = SEPARABLE[node.call]
    config, (depth_kernel, point_kernel, *bias) = node.config, node.weights
    shared_keys = ("strides", "padding", "data_format", "dilation_rate", "kernel_size", "depth_multiplier", "dtype")
    shared_keys += ("trainable", "depthwise_regularizer")
    depth = new(depthwise_call, (node.input,), node, "depthwise", {k: config[k] for k in shared_keys if k in config})
    depth.config["use_bias"], depth.weights, depth.shared = False, [depth_kernel], node.shared
    depth.shape = (*node.shape[:-1], point_kernel.shape[-2])
    keys = ("filters", "use_bias", "data_format", "dtype", "trainable")
    point = like(node, call=pointwise_call, config={k: config[k] for k in keys}, weights=[point_kernel, *bias])
    point.config |= {"kernel_size": 1, "padding": "valid", "strides": 1, "dilation_rate": 1}
    point.args = (depth,)
    point.config["kernel_regularizer"] = config.get("pointwise_regularizer")
    return point


def _pointwise(node):
    """A dense layer over the channels of a picture is a 1x1 convolution, which has int8 kernels per channel."""
    config = {k: v for k, v in node.config.items() if k not in ("units", "kernel_constraint", "lora_rank")}
    config = {k: v for k, v in config.items() if k not in ("lora_alpha", "activation")}
    config |= {"filters": node.config["units"], "kernel_size": 1, "padding": "valid", "strides": 1, "dilation_rate": 1}
    kernel, *bias = node.weights
    return like(node, call=layers.Conv2D, config=config, weights=[kernel[None, None], *bias])


def as_affine(node, uses=None):
    """Batch normalization with its statistics, Rescaling, Normalization and layer scale become `Affine` nodes."""
    if len(node.shape) < 2 or node.shape[-1] is None or not node.inputs:
        return None
    found = _affine(node)
    if found is not None:
        scale, shift = (np.broadcast_to(np.asarray(v, np.float64), node.shape[-1:]) for v in found)
        return like(node, call=Affine, config={}, weights=[scale, shift])


def follows_linear(node, uses):
    """Whether this is the batch normalization of the convolution or dense layer before it."""
    return node.is_a(layers.BatchNormalization) and node.input.is_a(*LINEAR) and uses[node.input] == 1


def _affine(node):
    config, last = node.config, len(node.shape) - 1
    weights = [np.asarray(w, np.float64) for w in node.weights]
    if node.is_a(layers.BatchNormalization) and config["axis"] in (-1, last, [last]):
        gamma = weights.pop(0) if config["scale"] else 1.0
        beta = weights.pop(0) if config["center"] else 0.0
        mean, variance = weights
        scale = gamma / np.sqrt(variance + config["epsilon"])
        return scale, beta - mean * scale
    if node.is_a(layers.Rescaling):
        values = [np.asarray(config[k], np.float64) for k in ("scale", "offset")]
        return values if all(v.ndim < 2 or v.size == v.shape[-1] for v in values) else None
    if node.is_a(layers.Normalization) and not config["invert"]:
        mean, variance = (np.asarray(config[k], np.float64) for k in ("mean", "variance"))
        if mean.ndim > 1 or config["axis"] not in (None, -1, last, [last], (last,), [-1], (-1,)):
            return None
        scale = 1.0 / np.maximum(np.sqrt(variance), keras.backend.epsilon())
        return scale, -mean * scale
    if node.kind == "LayerScale":  # keras.applications' ConvNeXt
        return weights[0], 0.0
    return None


def flip_kernel(node, uses):
    """Channels turned round (RGB to BGR) turn the next kernel round instead; XNNPACK reverses nothing."""
    flip = node.inputs[0] if node.inputs else None
    if flip is None or flip.kind != "Flip" or flip.call.axis not in (-1, len(flip.shape) - 1) or uses[flip] != 1:
        return None
    if node.is_a(*CONVS, layers.Dense) and node.config.get("groups", 1) == 1:
        kernel, *bias = node.weights
        return like(node, weights=[np.ascontiguousarray(kernel[..., ::-1, :]), *bias], args=(flip.input,))
    if node.is_a(Affine) or zeros_around(node) is not None:  # these go before it
        moved = like(node, weights=[w[::-1] for w in node.weights])
        moved.args = (flip.input, *node.args[1:])
        return like(flip, args=(moved, *flip.args[1:]), shape=node.shape)


def fuse_padding(node, uses):
    """Zeros added before a "valid" convolution become its own where TensorFlow's "same" rule adds just those."""
    if not node.is_a(*CONVS[:2], *DEPTHWISE) or node.config["padding"] != "valid":
        return None
    before = node.input
    if uses[before] != 1 or (sides := zeros_around(before)) is None:
        return None
    size = before.input.shape[1:-1]
    per_axis = zip(size, _all(node.config["kernel_size"]), _all(node.config["strides"]), sides, strict=False)
    dilations = _all(node.config["dilation_rate"])
    if all(_same_padding(n, (k - 1) * d + 1, s) == p for (n, k, s, p), d in zip(per_axis, dilations, strict=False)):
        return like(node, config={**node.config, "padding": "same"}, args=(before.input,))


def zeros_around(node):
    """(before, after) per axis between batch and channels, where `node` adds zeros there and only there."""
    if node.is_a(layers.ZeroPadding2D, layers.ZeroPadding1D):
        padding = node.config["padding"]
        return [tuple(p) for p in padding] if node.is_a(layers.ZeroPadding2D) else [tuple(padding)]
    if node.is_a(ops.pad) and not node.kwargs.get("constant_values"):
        batch, *middle, channels = [tuple(p) for p in node.args[1]]
        if batch == channels == (0, 0):
            return middle
    return None


def _same_padding(size, window, stride):
    if size is None:
        return None if stride > 1 else ((window - 1) // 2, window - 1 - (window - 1) // 2)
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def fold_back(node, uses):
    """An affine node, or a number added or multiplied, goes into the linear layer (or affine node) before it."""
    affine = number_affine(node) or (node.weights if node.is_a(Affine) else None)
    if affine is None or uses[node.input] != 1:
        return None
    before, (scale, shift) = node.input, affine
    if before.is_a(Affine):
        return like(before, weights=[before.weights[0] * scale, before.weights[1] * scale + shift])
    if not before.is_a(*LINEAR):
        return None
    kernel = np.asarray(before.weights[0], np.float64)
    bias = before.weights[1] if before.config["use_bias"] else 0.0
    if before.is_a(*TRANSPOSED):
        kernel = kernel * np.reshape(scale, (-1, 1)) if np.ndim(scale) else kernel * scale
    elif before.is_a(*DEPTHWISE):
        kernel = kernel * (np.reshape(scale, kernel.shape[-2:]) if np.ndim(scale) else scale)
    else:
        kernel = kernel * scale
    channels = before.shape[-1]
    return _reweighted(before, kernel, np.broadcast_to(bias * scale + shift, (channels,)))


def fold_forward(node, uses):
    """An affine node goes into the linear layer after it, unless that one pads: padded zeros are not shifted."""
    before = node.inputs[0] if node.inputs else None
    if not node.is_a(*CONVS, *DEPTHWISE, layers.Dense) or not before.is_a(Affine) or uses[before] != 1:
        return None
    scale, shift = before.weights
    pads = node.config.get("padding", "valid") != "valid" and max(_all(node.config["kernel_size"])) > 1
    if pads and np.any(shift):
        return None
    kernel = np.asarray(node.weights[0], np.float64)
    bias = node.weights[1] if node.config["use_bias"] else np.zeros(node.shape[-1])
    if node.is_a(*DEPTHWISE):
        shifted = np.sum(kernel * shift[:, None], axis=tuple(range(kernel.ndim - 2))).ravel()
        kernel = kernel * scale[:, None]
    else:
        groups = node.config.get("groups", 1)
        # input channel i of group g meets only that group's filters
        per_filter = [np.repeat(np.split(v, groups), kernel.shape[-1] // groups, axis=0).T for v in (scale, shift)]
        shifted = np.sum(kernel * per_filter[1], axis=tuple(range(kernel.ndim - 1)))
        kernel = kernel * per_filter[0]
    return _reweighted(node, kernel, bias + shifted, args=(before.input,))


def depthwise(node, uses=None):
    """What is left of the affine nodes becomes a 1x1 depthwise convolution."""
    if not node.is_a(Affine):
        return None
    x, rank, channels = node.input, len(node.shape), node.shape[-1]
    if x.is_a(layers.InputLayer) and not x.config["dtype"].startswith("float"):
        x = new(ops.cast, (x, "float32"), node, "cast", {})
        x.shape = node.shape
    if rank != 4:
        x = new(layers.Reshape, (x,), node, "in", {"target_shape": (-1, 1, channels)})
        x.shape = (node.shape[0], None, 1, channels)
    config = {"kernel_size": 1, "padding": "valid", "strides": 1, "dilation_rate": 1, "use_bias": True}
    result = like(node, call=layers.DepthwiseConv2D, config=config, args=(x,))
    result.weights = [node.weights[0].astype("float32")[None, None, :, None], node.weights[1].astype("float32")]
    if rank != 4:
        result.shape = x.shape
        target = [-1 if n is None else n for n in node.shape[1:]]
        result = new(layers.Reshape, (result,), node, "out", {"target_shape": target})
    return result


def thinning(node, uses=None):
    """A pool of one pixel, which only drops the others, becomes a convolution that does: XNNPACK runs no such pool."""
    pools = layers.MaxPooling2D, layers.AveragePooling2D
    if node.is_a(*pools) and _all(node.config["pool_size"])[:2] == (1, 1):
        return _constant(node, np.ones((1, 1)))


def average(node, uses=None):
    """Average pooling becomes a depthwise convolution; at padded edges, where fewer pixels count, times a number more.

    XNNPACK runs no int8 average pooling. Only kernels of one weight for all are rounded to int8 without a loss.
    """
    if not node.is_a(layers.AveragePooling2D) or None in node.shape[1:]:
        return None
    window, strides = _all(node.config["pool_size"])[:2], _all(node.config["strides"])[:2]
    size = window[0] * window[1]
    pooled = _constant(node, np.full(window, 1 / size))
    if node.config["padding"] == "valid":
        return pooled
    per_axis = zip(node.input.shape[1:3], window, strides, node.shape[1:3], strict=True)
    rows, columns = (_counted(n, k, s, count) for n, k, s, count in per_axis)
    counted = np.outer(rows, columns)
    if np.all(counted == size):
        return pooled
    pooled.name = f"{node.name}_sum"
    return new(ops.multiply, (pooled, (size / counted).astype("float32")[None, :, :, None]), node, "edges", {})


def _counted(size, window, stride, results):
    """How many of each window's places lie on the picture, along one axis of "same" padding."""
    before, _ = _same_padding(size, window, stride)
    starts = np.arange(results) * stride - before
    return np.minimum(starts + window, size) - np.maximum(starts, 0)


def by_fives(node, uses=None):
    """More than five concatenated at once, as XNNPACK takes them, are concatenated by fives."""
    if not node.is_a(layers.Concatenate) or len(node.inputs) <= 5:
        return None
    axis = node.config["axis"] % len(node.shape)
    first, rest = list(node.inputs[:5]), list(node.inputs[5:])
    shape = (*node.shape[:axis], sum(n.shape[axis] for n in first), *node.shape[axis + 1 :])
    part = new(layers.Concatenate, (first,), node, f"before_{len(rest)}", {"axis": axis})
    part.shape = shape
    whole = like(node, args=([part, *rest],))
    return by_fives(whole) or whole


def rectified(node, uses):
    """A ReLU behind a concatenation, or one of several that read the same tensor: XNNPACK runs none alone in int8."""
    before = node.input if is_relu(node) else None
    taken_in = (*LINEAR, *SUMS, *POOLS, layers.BatchNormalization)  # kept batch norms are folded later
    if before is None or not before.inputs or len(node.shape) != 4 or (uses[before] == 1 and before.is_a(*taken_in)):
        return None
    same = new(None, (before,), node, "same", {"strides": 1, "padding": "valid"})
    return like(node, args=(_constant(same, np.ones((1, 1))),))


def is_relu(node):
    """Whether this is relu or relu6, which TFLite fuses into the operator before."""
    config = node.config
    plain = node.is_a(layers.ReLU) and not config.get("negative_slope") and not config.get("threshold")
    return plain and config.get("max_value") in (None, 6.0)


def _constant(node, kernel):
    """A depthwise convolution in the place of a pool: the same kernel for each channel, not to be trained."""
    config = {
        "kernel_size": kernel.shape,
        "strides": _all(node.config["strides"])[:2],
        "padding": node.config["padding"],
    }
    made = like(node, call=layers.DepthwiseConv2D, config={**config, "use_bias": False, "trainable": False})
    made.weights = [np.repeat(kernel.astype("float32")[:, :, None, None], node.shape[-1], axis=2)]
    return made


def absorb_sixth(node, uses):
    """The 1/6 of a hard-swish or hard-sigmoid gate goes into the kernel after it: one multiplication less."""
    if not node.is_a(*CONVS, *DEPTHWISE, layers.Dense) or uses[node.input] != 1:
        return None
    before = node.input
    if is_hard_swish(before):
        x = new(layers.Multiply, ([before.input, relu6(plus(before.input, 3.0, before), before)],), before, "times", {})
        return _scaled(node, x, 1 / 6)
    if before.is_a(layers.Multiply, ops.multiply) and len(before.inputs) == 2:
        for i, gate in enumerate(before.inputs):
            if gate.is_a(ops.multiply) and (scale := number_affine(gate)) and uses[gate] == 1:
                others = list(before.inputs)
                others[i] = gate.input
                args = (others,) if before.is_a(layers.Multiply) else tuple(others)
                return _scaled(node, like(before, args=args), scale[0])
    return None


def _scaled(node, x, scale):
    kernel, *bias = node.weights
    return like(node, args=(x,), weights=[(kernel * scale).astype(kernel.dtype), *bias])


def hard_swish(node, uses=None):
    """`(x * (1/6)) * relu6(x + 3)`; with the multiplication last the converter would fuse HARD_SWISH again."""
    if is_hard_swish(node):
        x = node.input
        gate = relu6(plus(x, 3.0, node), node)
        return new(layers.Multiply, ([times(x, 1 / 6, node), gate],), node, "times", {})


def is_hard_swish(node):
    return node.is_a(layers.Activation) and activation_of(node) == "hard_silu"


def activation_of(node):
    """The name of what an Activation layer applies."""
    return getattr(keras.activations.get(node.config["activation"]), "__name__", "")


def number_affine(node):
    """(scale, shift) of a call that adds, subtracts or multiplies one plain number; None for any other."""
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


# Making nodes


def new(call, args, source, suffix, config):
    """A node made for `source`, of its shape."""
    node = Node(call, args, config=config, name=f"{source.name}_{suffix}", shape=source.shape)
    node.origin = source.origin
    return node


def like(node, **changes):
    """A copy of `node` with some attributes changed."""
    copy = Node(node.call, node.args, kwargs=dict(node.kwargs), config=node.config, weights=node.weights)
    copy.name, copy.shape, copy.shared, copy.origin = node.name, node.shape, node.shared, node.origin
    copy.many = node.many
    for attribute, value in changes.items():
        setattr(copy, attribute, value)
    if "call" in changes:
        copy.kwargs = {}
    return copy


def plus(x, number, source):
    return _shaped(new(ops.add, (x, number), source, "plus", {}), x)


def times(x, number, source):
    return _shaped(new(ops.multiply, (x, number), source, "scale", {}), x)


def relu6(x, source):
    return _shaped(new(layers.ReLU, (x,), source, "relu6", {"max_value": 6.0}), x)


def _shaped(node, x):
    node.shape = x.shape
    return node


def _reweighted(node, kernel, bias, **changes):
    config = {k: v for k, v in node.config.items() if not k.endswith("_constraint")}
    weights = [kernel.astype("float32"), np.asarray(bias, "float32")]
    return like(node, config={**config, "use_bias": True}, weights=weights, **changes)


def _all(value):
    return tuple(value) if isinstance(value, (list, tuple)) else (value,) * 3
