"""Rewrites a finished model for a phone: fewer operators, the same answers (1e-5 relative).

Batch normalization is folded into the convolution beside it, dropout and auxiliary heads are removed, and padding
layers become padding of the convolution. Activations become nodes of their own. Operators that XNNPACK would run by
slower kernels are replaced: pools of one pixel, and in int8 also hard-swish and average pooling.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeAlias

import keras
from keras import layers, ops, tree

from keras_cnns.graph.graph import Graph
from keras_cnns.graph.kinds import (
    ARGMAX,
    ARGMIN,
    DROPOUTS,
    LINEAR,
    SCALED_SUM,
    SEPARABLE,
    SPLIT,
    TRAINING_ONLY,
    activation_of,
)
from keras_cnns.graph.node import Item, Node, Uses, cast, like, new, plus, relu6, times
from keras_cnns.graph.reader import read
from keras_cnns.support.errors import UnsupportedModel
from keras_cnns.support.types import Tensor
from keras_cnns.tflite.rewrite.fold import (
    as_affine,
    depthwise,
    flip_kernel,
    fold_back,
    fold_forward,
    follows_linear,
    keep_before_linear,
    scaled_input,
    summed_input,
)
from keras_cnns.tflite.rewrite.int8_forms import Rule, by_fives, thinning, to_int8_forms, unless_masked
from keras_cnns.tflite.rewrite.matrix_products import with_third_axis
from keras_cnns.tflite.rewrite.padding import each, fuse_padding
from keras_cnns.tflite.targets.litert import LITERT_REWRITES
from keras_cnns.tflite.targets.target import Rewrites

Outputs: TypeAlias = str | int | Sequence[str | int] | None  # names or positions; None for all but auxiliary ones
# what `Rewrites.scaled_input` wants -> the rules for it
SCALED_INPUTS: dict[str, list[Rule]] = {
    "convolution": [],
    "product": [scaled_input],
    "sum": [summed_input, scaled_input],
}
RECURRENT = (layers.RNN, layers.Bidirectional, layers.TimeDistributed, layers.ConvLSTM2D)


def prepare(
    model: keras.Model, *, outputs: Outputs = None, int8_forms: Rewrites | None = LITERT_REWRITES
) -> keras.Model:
    """The Keras 3 model with the same inputs and outputs, rewritten for inference on a phone.

    Args:
      model: a functional or Sequential Keras 3 model.
      outputs: names or positions of the outputs to keep; by default all but the auxiliary classifiers (`main_outputs`).
      int8_forms: the forms of operators that a target wants in int8 (`int8_forms.rules_for`), by default LiteRT's. None
        keeps each operator, which is faster in float.

    Raises:
      UserError: the model has no graph, or has a layer that cannot be recreated; the message names it.
    """
    return prepared(read(model), outputs=outputs, int8_forms=int8_forms).build()


def prepared(
    graph: Graph,
    *,
    outputs: Outputs = None,
    int8_forms: Rewrites | None = LITERT_REWRITES,
    keep_dropout: bool = False,
    keep_batch_norm: bool = False,
    keep_scaling: bool = False,
) -> Graph:
    """`prepare` on a graph, which is changed in place.

    keep_dropout: for a model that will be trained. keep_batch_norm: right after the linear layers, as they train.
    keep_scaling: an `Affine` that does not learn stays before the linear layer that it can be folded into.
    """
    keep_outputs(graph, outputs)
    dropped = tuple(call for call in TRAINING_ONLY if not (keep_dropout and call in DROPOUTS))
    graph.rewrite(lambda node, uses: _without_training(node, dropped))
    if not keep_dropout:
        graph.rewrite(without_dropout_inside)
    first = partly_used(graph)
    rules: list[Rule] = [
        decomposed,
        lambda node, uses: (
            None if keep_batch_norm and follows_linear(node, uses) else as_affine(node, training=keep_dropout)
        ),
    ]
    rules += [
        highest,
        flip_kernel,
        fuse_padding,
        fold_back,
        keep_before_linear if keep_scaling else fold_forward,
        *SCALED_INPUTS[int8_forms.scaled_input if int8_forms is not None else "convolution"],
        depthwise,
        thinning,
        by_fives,
        with_third_axis,
    ]
    graph.rewrite(first, *map(unless_masked, rules))
    if int8_forms is not None:
        to_int8_forms(graph, int8_forms)
    return graph


def keep_outputs(graph: Graph, wanted: Outputs = None) -> None:
    """Removes all outputs but these (names of their layers, or positions), and the nodes that only the others need."""
    flat = tree.flatten(graph.outputs)
    names = [node.name for node in flat]
    if wanted is None:
        kept = main_outputs(names, [node.shape for node in flat])
        if len(kept) == len(flat):
            return
        main = [flat[i] for i in kept]
    else:
        wanted = [wanted] if isinstance(wanted, (str, int)) else list(wanted)
        unknown = [w for w in wanted if w not in names and w not in range(len(flat))]
        if unknown or not wanted:
            raise UnsupportedModel(f"no output {', '.join(map(str, unknown)) or 'is wanted'}: the model has {names}")
        main = [flat[w] if isinstance(w, int) else flat[names.index(w)] for w in wanted]
    graph.outputs = main if len(main) > 1 else main[0]


def main_outputs(names: Sequence[str], shapes: Sequence[tuple[int | None, ...]]) -> list[int]:
    """Positions of all outputs but auxiliary classifiers: those named aux... with the shape of the first other output.

    A depth map that is called auxiliary has another shape, and is kept.
    """
    main = [i for i, name in enumerate(names) if not name.lower().startswith("aux")]
    if not main:
        return list(range(len(names)))
    return [i for i, shape in enumerate(shapes) if i in main or shape != shapes[main[0]]]


def _without_training(node: Node, dropped: tuple[Any, ...]) -> Node | None:
    if node.is_a(*dropped) or node.is_a(layers.Activation) and activation_of(node) == "linear":
        return node.input if node.input.dtype == node.dtype else cast(node.input, node.dtype, node)
    return None


def without_dropout_inside(node: Node, uses: Uses) -> None:
    """Dropout of recurrent layers goes: they draw random numbers in inference too, which no file can."""
    if isinstance(node.call, type) and issubclass(node.call, RECURRENT):
        node.config = _without_rates(node.config)


def _without_rates(value: Any) -> Any:
    """The configuration of a layer, and of layers inside it, with rates of dropout of 0."""
    if isinstance(value, dict):
        return {k: 0.0 if k in ("dropout", "recurrent_dropout") else _without_rates(v) for k, v in value.items()}
    return [_without_rates(v) for v in value] if isinstance(value, list) else value


def decomposed(node: Node, uses: Uses | None = None) -> Node | None:
    """Splits fused activations, separable convolutions and scaled additions into nodes of one operation each."""
    if node.config.get("data_format") == "channels_first":
        raise UnsupportedModel(
            f"layer {node.name!r} is channels_first, and LiteRT takes channels last: build the model with "
            "data_format='channels_last'."
        )
    if hasattr(node.call, "inference_form"):
        node = _inference_form(node)
        return decomposed(node) or node
    activation = node.config.get("activation") if node.is_a(*LINEAR, *SEPARABLE) else None
    if activation is not None and activation_of(node) != "linear":
        name = activation_of(node) or getattr(activation, "__name__", "activation").strip("<>")
        linear = like(node, config={**node.config, "activation": "linear"})
        linear = decomposed(linear) or linear
        fused = Node(layers.Activation, (linear,), config={"activation": activation}, shape=node.shape)
        fused.name, fused.origin = f"{node.name}_{name}", node.name
        return decomposed(fused) or fused
    if node.config.get("padding") == "causal":
        (size,), (dilation,) = (each(node.config[key])[:1] for key in ("kernel_size", "dilation_rate"))
        before = new(layers.ZeroPadding1D, (node.input,), node, "past", {"padding": (dilation * (size - 1), 0)})
        before.shape = (node.shape[0], None, node.input.shape[-1])
        return decomposed(padded := like(node, config={**node.config, "padding": "valid"}, args=(before,))) or padded
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
    if node.is_a(layers.Average) and len(node.inputs) == len(node.args[0]) == 2:
        return times(new(layers.Add, node.args, node, "sum", {}), 0.5, node)
    if node.is_a(SCALED_SUM) and len(node.inputs) == 2:
        a, b = node.inputs
        return new(layers.Add, ([a, times(b, float(node.config["scale"]), node)],), node, "add", {})
    return None


def partly_used(graph: Graph) -> Rule:
    """Replaces a split of which only some parts are read by slices: unread parts cannot be measured for int8."""
    taken = Counter(node.input for node in graph.nodes if isinstance(node.call, Item))

    def rule(node: Node, uses: Uses) -> Node | None:
        if not isinstance(node.call, Item) or not node.input.is_a(SPLIT):
            return None
        tensor, split, i = node.input.input, node.input.call, node.call.index
        axis, sections = split.axis % len(tensor.shape), split.indices_or_sections
        size = tensor.shape[axis]
        if isinstance(sections, int):
            bounds = [None if size is None else size // sections * n for n in range(sections + 1)]
        else:
            bounds = [0, *map(int, sections), size]
        if taken[node.input] == len(bounds) - 1 or None in bounds[i : i + 2]:
            return None
        return like(node, call=between, args=(tensor, axis, *bounds[i : i + 2]))

    return rule


def between(x: Tensor, axis: int, start: int, stop: int) -> Tensor:
    """The values from `start` to `stop` along an axis."""
    return x[(*(slice(None),) * axis, slice(start, stop))]


def highest(node: Node, uses: Uses | None = None) -> Node | None:
    """Writes argmax, and so argmin, as the first of the highest values: Keras's own argmax needs bitwise operators."""
    if node.is_a(ARGMAX, ARGMIN) and node.call.axis is not None and not node.input.integers:
        sign, axis = 1 if node.is_a(ARGMAX) else -1, node.call.axis % len(node.input.shape)
        return like(node, call=first_of_highest, args=(node.input, sign, axis, node.call.keepdims))
    return None


def first_of_highest(x: Tensor, sign: int, axis: int, keepdims: bool) -> Tensor:
    """The argmax of `sign` * x over an axis."""
    x = x if sign > 0 else -x
    last = len(x.shape) - 1
    x = x if axis == last else ops.moveaxis(x, axis, last)
    best = ops.squeeze(ops.top_k(x, 1)[1], -1)
    return ops.expand_dims(best, axis) if keepdims else best


def _inference_form(node: Node) -> Node:
    """A layer that trains in another form says itself which layer of Keras it is afterwards."""
    layer = node.call.from_config(node.settings(node.name))
    layer.build(node.input.shape)
    layer.set_weights(node.weights)
    call, config, weights = layer.inference_form()
    config.pop("name", None)
    return like(node, call=call, config=config, weights=weights)


def _separable(node: Node) -> Node:
    depthwise_call, pointwise_call = SEPARABLE[node.call]
    config, (depth_kernel, point_kernel, *bias) = node.config, node.weights
    shared_keys = (
        "strides",
        "padding",
        "data_format",
        "dilation_rate",
        "kernel_size",
        "depth_multiplier",
        "dtype",
        "trainable",
        "depthwise_regularizer",
    )
    depth = new(depthwise_call, (node.input,), node, "depthwise", {k: config[k] for k in shared_keys if k in config})
    depth.config["use_bias"], depth.weights, depth.shared = False, [depth_kernel], node.shared
    depth.shape = (*node.shape[:-1], point_kernel.shape[-2])
    keys = ("filters", "use_bias", "data_format", "dtype", "trainable")
    point = like(node, call=pointwise_call, config={k: config[k] for k in keys}, weights=[point_kernel, *bias])
    point.config |= {"kernel_size": 1, "padding": "valid", "strides": 1, "dilation_rate": 1}
    point.args = (depth,)
    point.config["kernel_regularizer"] = config.get("pointwise_regularizer")
    return point


def _pointwise(node: Node) -> Node:
    """A dense layer over the channels of a picture is a 1x1 convolution, which has int8 kernels per channel."""
    config = {k: v for k, v in node.config.items() if k not in ("units", "kernel_constraint", "lora_rank")}
    config = {k: v for k, v in config.items() if k not in ("lora_alpha", "activation")}
    config |= {"filters": node.config["units"], "kernel_size": 1, "padding": "valid", "strides": 1, "dilation_rate": 1}
    kernel, *bias = node.weights
    return like(node, call=layers.Conv2D, config=config, weights=[kernel[None, None], *bias])
