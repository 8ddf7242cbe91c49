"""Tensors of another network for a model of ours: torch's axes, another number of classes, other input channels."""

import warnings

import numpy as np

from keras_cnns import layers as own
from keras_cnns.blocks.initial import draw_missing
from keras_cnns.support.lazy_imports import keras, layers

# torch calls a normalization's variables as it calls a convolution's
NORMALIZATION = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
OTHERS = {"weight": "kernel"}
SCORES = ("predictions", "score", "class_scores", "box_deltas", "upsample")


def fitted(model, tensors, kind, *, head=()):
    """`tensors` ("layer/variable": array) under the paths of `model`'s variables, in their shapes as far as known.

    kind: "keras" or "torch", as read. head: names of the classifier's layers, which the model or the file may not have;
      so it is with auxiliary classifiers (aux...), which are gone at inference.

    The preprocessing's own variables stay the model's: what pixels become is known of the weights, not one of them, and
    keras.applications' files hold standard deviations where their layer wants variances.
    """
    own = {layer.name: layer for layer in model.layers}
    values = {}
    for path, value in tensors.items():
        layer, variable = path.split("/", 1)
        if layer in own:
            variable = _variable(own[layer], variable)
            if kind == "torch":
                value = keras_axes(own[layer], value)
        elif layer in head or layer.startswith("aux"):
            continue
        values[f"{layer}/{variable}"] = value
    preprocessing = [layer for layer in model.layers if isinstance(layer, layers.Normalization)]
    values = {path: value for path, value in values.items() if not path.startswith("normalization")}
    for layer in preprocessing:
        values |= {v.path: keras.ops.convert_to_numpy(v) for v in layer.weights}
    return _other_classes(model, _other_head(model, _other_channels(model, values), head))


def keras_axes(layer, value):
    """A torch kernel [out, in, ...] as Keras holds it: [..., in, out]; vectors stay."""
    n = value.ndim
    if n < 2:
        return value
    if isinstance(layer, layers.DepthwiseConv2D):  # [in * multiplier, 1, height, width]
        return value.transpose(2, 3, 0, 1).reshape(*value.shape[2:], -1, layer.depth_multiplier)
    grid = _flattened(layer) if n == 2 else None
    if grid:  # a dense layer over a flattened picture: torch flattens channels first
        height, width, channels = grid
        if value.shape[1] == height * width * channels:
            return value.reshape(-1, channels, height, width).transpose(2, 3, 1, 0).reshape(-1, value.shape[0])
    value = value.transpose(*range(2, n), 1, 0)
    return value.reshape(-1, value.shape[-1]) if isinstance(layer, layers.Dense) else value  # timm's 7x7 fc6 of VGG


def _variable(layer, variable):
    """A variable's own name, from Keras's number or torch's name for it."""
    names = [v.path.removeprefix(f"{layer.name}/") for v in layer.weights]
    if variable.isdigit():
        return names[int(variable)] if int(variable) < len(names) else variable
    table = NORMALIZATION if {"gamma", "beta"} & set(names) else OTHERS
    return table.get(variable, variable) if variable not in names or table.get(variable) in names else variable


def _flattened(layer):
    """(height, width, channels) of the picture that a dense layer sees flattened; (1, 1, units) is none.

    Also of a convolution over a whole picture that holds such a layer's weights.
    """
    if isinstance(layer, layers.Conv2D):
        shape = (*layer.kernel_size, layer.kernel.shape[2])
        return shape if max(shape[:2]) > 1 else None
    if not isinstance(layer, layers.Dense):
        return None
    source = layer.input._keras_history.operation
    while isinstance(source, layers.Dropout):
        source = source.input._keras_history.operation
    if isinstance(source, own.FlattenRegions):
        return source.input.shape[2:]
    return source.input.shape[1:] if isinstance(source, layers.Flatten) and len(source.input.shape) == 4 else None


def _other_channels(model, values):
    """The first kernel for pictures with another number of channels: shared among copies of a channel, or summed.

    Either way a picture whose channels are all alike gives what it gave.
    """
    first = next(layer for layer in model.layers if layer.weights and not isinstance(layer, layers.Normalization))
    path = f"{first.name}/kernel"
    kernel, shape = values.get(path), tuple(getattr(first, "kernel", np.zeros(())).shape)
    if kernel is None or len(shape) != 4 or kernel.ndim != 4:
        return values
    there, here = kernel.shape[2], shape[2]
    if there == here or kernel.shape[:2] + kernel.shape[3:] != shape[:2] + shape[3:]:
        return values
    shares = np.zeros((there, here), kernel.dtype)
    for i in range(max(there, here)):
        shares[i % there, i % here] = 1
    shares /= shares.sum(axis=1, keepdims=True)
    warnings.warn(f"{model.name}: the first kernel was adapted from {there} to {here} input channels.", stacklevel=4)
    return values | {path: np.einsum("hwio,ic->hwco", kernel, shares)}


def _other_head(model, values, head):
    """A new classifier where the file has none, or other dense layers on top of the network.

    Nothing else may be missing, and what is left over must be a head: vectors and matrices, no convolution.
    """
    targets = {v.path: v for v in model.weights}
    missing = [path for path in targets if path not in values]
    left = {path: np.ndim(value) for path, value in values.items() if path not in targets}
    other = 2 in left.values() and max(left.values()) == 2
    if not (missing or left) or (left and not other) or any(path.split("/")[0] not in head for path in missing):
        return values
    values = {path: value for path, value in values.items() if path in targets}
    anew = [path for path in targets if path.split("/")[0] in head and (other or path in missing)]
    anew = [path for path in targets if path.split("/")[0] in {p.split("/")[0] for p in anew}]
    if anew:
        draw_missing(model)  # what was left to the weights that follow
        there = f"another head ({', '.join(dict.fromkeys(p.split('/')[0] for p in left))})" if left else "no classifier"
        warnings.warn(
            f"{model.name}: {there} in the file: {', '.join(dict.fromkeys(p.split('/')[0] for p in anew))} starts "
            "anew, all before it was loaded.",
            stacklevel=4,
        )
    return values | {path: keras.ops.convert_to_numpy(targets[path]) for path in anew}


def _other_classes(model, values):
    """New class scores where only their number differs; everything before them is the file's.

    The layers that give class scores are called predictions, those of auxiliary classifiers aux..._predictions, and
    those of segmenters and detectors as in SCORES.
    """
    for layer in model.layers:
        own = {v.path: v for v in layer.weights}
        if not any(word in layer.name for word in SCORES) or not own or not set(own) <= set(values):
            continue
        here, there = (tuple(next(iter(found))) for found in ([v.shape for v in own.values()], _shapes(own, values)))
        enlarging = isinstance(layer, layers.Conv2DTranspose)
        alike = enlarging or all(_fan_in(v) == _fan_in(values[path]) for path, v in own.items())
        if here[-1] != there[-1] and alike:
            warnings.warn(
                f"{model.name}: {here[-1]} classes here and {there[-1]} in the file: {layer.name} starts anew, all "
                "before it was loaded.",
                stacklevel=4,
            )
            values = values | {path: keras.ops.convert_to_numpy(v) for path, v in own.items()}
    return values


def _shapes(own, values):
    return [np.shape(values[path]) for path in own]


def _fan_in(kernel):
    return [n for n in kernel.shape[:-1] if n != 1]
