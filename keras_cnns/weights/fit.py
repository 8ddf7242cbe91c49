"""Arrays of a file for a model of ours: torch's axes, another number of classes, other input channels."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_cnns.blocks.initial import draw_missing
from keras_cnns.blocks.own_layers import own
from keras_cnns.graph.keras_internals import producer
from keras_cnns.support.lazy_imports import keras, layers
from keras_cnns.weights.names.table import Arrays

# names that torch gives to the variables of a normalization, and to those of other layers
NORMALIZATION = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
OTHERS = {"weight": "kernel"}


def fitted(
    model: Any,
    tensors: Arrays,
    kind: str,
    *,
    head: Sequence[str] = (),
    scores: Sequence[str] = ("predictions",),
) -> Arrays:
    """`tensors` under the paths of the model's variables, in their shapes as far as that is certain.

    The variables of the preprocessing keep the model's values: they are known from the origin of the weights, and files
    of keras.applications hold standard deviations where its layer expects variances.

    Args:
      model: the `keras.Model` that the weights are for.
      tensors: {"layer/variable": array}, the layers under our names.
      kind: "keras" or "torch", as the file was read.
      head: names of the layers of the classifier, which the model or the file may not have. The same holds for
        auxiliary classifiers ("aux...").
      scores: parts of the names of layers whose size follows the number of classes.
    """
    own = {layer.name: layer for layer in model.layers}
    values = {}
    for path, value in tensors.items():
        layer, variable = path.split("/", 1)
        if layer in own:
            variable = _variable(own[layer], variable)
            if kind == "torch":
                value = keras_axes(own[layer], value)
            elif isinstance(own[layer], layers.Dense) and _flattened(own[layer]) == np.shape(value)[:3]:
                value = value.reshape(-1, value.shape[-1])  # a convolution over the whole picture: KerasHub's VGG
        elif layer in head or layer.startswith("aux"):
            continue
        values[f"{layer}/{variable}"] = value
    preprocessing = [layer for layer in model.layers if isinstance(layer, layers.Normalization)]
    values = {path: value for path, value in values.items() if not path.startswith("normalization")}
    for layer in preprocessing:
        values |= {v.path: keras.ops.convert_to_numpy(v) for v in layer.weights}
    return _other_classes(model, _other_head(model, _other_channels(model, values), head), scores)


def keras_axes(layer: Any, value: Any) -> Any:
    """A kernel of torch [out, in, ...] as Keras holds it: [..., in, out]. Vectors do not change."""
    n = value.ndim
    if n < 2:
        return value
    if isinstance(layer, layers.DepthwiseConv2D):  # [in * multiplier, 1, height, width]
        return value.transpose(2, 3, 0, 1).reshape(*value.shape[2:], -1, layer.depth_multiplier)
    grid = _flattened(layer) if n == 2 else None
    if grid:  # a dense layer on a flattened picture: torch flattens channels first
        height, width, channels = grid
        if value.shape[1] == height * width * channels:
            return value.reshape(-1, channels, height, width).transpose(2, 3, 1, 0).reshape(-1, value.shape[0])
    value = value.transpose(*range(2, n), 1, 0)
    return value.reshape(-1, value.shape[-1]) if isinstance(layer, layers.Dense) else value  # fc6 of VGG in timm


def _variable(layer: Any, variable: str) -> str:
    """The variable's name in our layer, from its number in a file of Keras or its name in torch."""
    names = [v.path.removeprefix(f"{layer.name}/") for v in layer.weights]
    if variable.isdigit():
        return names[int(variable)] if int(variable) < len(names) else variable
    table = NORMALIZATION if {"gamma", "beta"} & set(names) else OTHERS
    return table.get(variable, variable) if variable not in names or table.get(variable) in names else variable


def _flattened(layer: Any) -> Any:
    """(height, width, channels) of the picture whose flattened form a dense layer gets; None if it gets another vector.

    The same of a convolution over a whole picture that takes the place of such a dense layer.
    """
    if isinstance(layer, layers.Conv2D):
        shape = (*layer.kernel_size, layer.kernel.shape[2])
        return shape if max(shape[:2]) > 1 else None
    if not isinstance(layer, layers.Dense):
        return None
    source = producer(layer.input)
    while isinstance(source, layers.Dropout):
        source = producer(source.input)
    if isinstance(source, own.FlattenRegions):
        return source.input.shape[2:]
    return source.input.shape[1:] if isinstance(source, layers.Flatten) and len(source.input.shape) == 4 else None


def _other_channels(model: Any, values: Arrays) -> Arrays:
    """The first kernel for another number of input channels: divided among copies of a channel, or summed.

    A picture whose channels are all equal keeps its answer.
    """
    first = next(layer for layer in model.layers if layer.weights and not isinstance(layer, layers.Normalization))
    path = f"{first.name}/kernel"
    kernel, shape = values.get(path), next((tuple(v.shape) for v in first.weights if v.path == path), ())
    if kernel is None or len(shape) != 4 or kernel.ndim != 4:
        return values
    there, here = kernel.shape[2], shape[2]
    if there == here or kernel.shape[:2] + kernel.shape[3:] != shape[:2] + shape[3:]:
        return values
    shares = np.zeros((there, here), kernel.dtype)
    for i in range(max(there, here)):
        shares[i % there, i % here] = 1
    shares /= shares.sum(axis=1, keepdims=True)
    warnings.warn(f"{model.name}: the first kernel was adapted from {there} to {here} input channels.", stacklevel=6)
    return values | {path: np.einsum("hwio,ic->hwco", kernel, shares)}


def _other_head(model: Any, values: Arrays, head: Sequence[str]) -> Arrays:
    """Values for the classifier where the file has none, or has other dense layers on top of the network.

    The layers of the classifier that the file has are kept, up to the first one that is missing or of another size.
    That one and those after it keep the values of the model. Only the classifier may be missing, and what is left over
    must be a head as well: vectors and matrices.
    """
    targets = {v.path: v for v in model.weights}
    missing = [path for path in targets if path not in values]
    left = {path: np.ndim(value) for path, value in values.items() if path not in targets}
    another = 2 in left.values() and max(left.values()) == 2
    if not (missing or left) or (left and not another) or any(path.split("/")[0] not in head for path in missing):
        return values
    values = {path: value for path, value in values.items() if path in targets}
    names = list(dict.fromkeys(path.split("/")[0] for path in targets if path.split("/")[0] in head))
    new = names[next((i for i, name in enumerate(names) if not _fits(name, targets, values)), len(names)) :]
    if new:
        draw_missing(model)  # kernels that were not drawn because weights follow
        there = f"another head ({', '.join(dict.fromkeys(p.split('/')[0] for p in left))})" if left else "no classifier"
        warnings.warn(
            f"{model.name}: {there} in the file: {', '.join(new)} keeps its initial weights, everything before it was "
            "loaded.",
            stacklevel=6,
        )
    elif left:
        warnings.warn(
            f"{model.name}: {', '.join(dict.fromkeys(p.split('/')[0] for p in left))} in the file was ignored: it is "
            "not part of this network.",
            stacklevel=6,
        )
    return values | {p: keras.ops.convert_to_numpy(v) for p, v in targets.items() if p.split("/")[0] in new}


def _fits(layer: str, targets: dict[str, Any], values: Arrays) -> bool:
    """Whether the file has all variables of the layer, of the model's sizes; the number of outputs may differ."""
    own = {path: v for path, v in targets.items() if path.split("/")[0] == layer}
    if any(path not in values for path in own):
        return False
    outputs = layer == "predictions"  # `_other_classes` deals with another number of classes
    return all(_fan_in(v) == _fan_in(values[p]) if outputs else _sizes(v) == _sizes(values[p]) for p, v in own.items())


def _sizes(array: Any) -> list[int]:
    return [n for n in array.shape if n != 1]


def _other_classes(model: Any, values: Arrays, scores: Sequence[str]) -> Arrays:
    """The model's own values for class scores if only the number of classes differs. Everything before is the file's.

    scores: parts of the names of the layers that score classes.
    """
    for layer in model.layers:
        own = {v.path: v for v in layer.weights}
        is_scores = any(word in layer.name for word in (*scores, "predictions"))
        if not is_scores or not own or not all(np.ndim(values.get(path, 0)) for path in own):  # 0: not in the file
            continue
        path, first = next(iter(own.items()))
        here, there = first.shape[-1], np.shape(values[path])[-1]
        enlarging = isinstance(layer, layers.Conv2DTranspose)
        alike = enlarging or all(_fan_in(v) == _fan_in(values[path]) for path, v in own.items())
        if here != there and alike:
            warnings.warn(
                f"{model.name}: {here} classes here and {there} in the file: {layer.name} keeps its initial "
                "weights, everything before it was loaded.",
                stacklevel=5,
            )
            values = values | {path: keras.ops.convert_to_numpy(v) for path, v in own.items()}
    return values


def _fan_in(kernel: Any) -> list[int]:
    return [n for n in kernel.shape[:-1] if n != 1]
