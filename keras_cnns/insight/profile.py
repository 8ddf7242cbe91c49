"""What a network costs: parameters and multiply-accumulates, layer by layer."""

import math
from dataclasses import dataclass

import keras


@dataclass(frozen=True)
class LayerProfile:
    """One layer: its stage (the name up to the first underscore), output shape without the batch, and its costs."""

    name: str
    stage: str
    kind: str
    shape: tuple
    params: int
    trainable: int
    macs: int


def profile(model) -> list[LayerProfile]:
    """The layers of a functional model in the order of computation.

    Multiply-accumulates are those of convolutions and dense layers for one picture, the padding's zeros included, as
    papers count them; they are 0 where the output's size is unknown.
    """
    return [_layer(layer) for layer in model.layers]


def totals(model) -> dict:
    """params, trainable and macs of the whole model."""
    layers = profile(model)
    return {key: sum(getattr(layer, key) for layer in layers) for key in ("params", "trainable", "macs")}


def _layer(layer):
    shape = _shape(layer)
    weights = getattr(layer, "weights", [])
    trainable = getattr(layer, "trainable_weights", [])
    return LayerProfile(
        layer.name,
        layer.name.split("_")[0],
        type(layer).__name__,
        shape,
        sum(math.prod(w.shape) for w in weights),
        sum(math.prod(w.shape) for w in trainable),
        _macs(layer, shape),
    )


def _shape(layer):
    output = layer.output
    output = output[0] if isinstance(output, list | tuple) else output
    return tuple(output.shape[1:])


def _macs(layer, shape):
    if None in shape:
        return 0
    if isinstance(layer, keras.layers.SeparableConv2D):
        positions = math.prod(shape[:-1])
        return positions * (math.prod(layer.depthwise_kernel.shape) + math.prod(layer.pointwise_kernel.shape))
    if isinstance(layer, keras.layers.DepthwiseConv2D | keras.layers.DepthwiseConv1D):
        return math.prod(shape[:-1]) * math.prod(layer.kernel.shape)
    if isinstance(layer, keras.layers.Conv2DTranspose):  # every input position meets the whole kernel
        return math.prod(layer.input.shape[1:-1]) * math.prod(layer.kernel.shape)
    if isinstance(layer, keras.layers.Conv1D | keras.layers.Conv2D | keras.layers.Conv3D):
        return math.prod(shape[:-1]) * math.prod(layer.kernel.shape)
    if isinstance(layer, keras.layers.Dense):
        return math.prod(shape[:-1]) * math.prod(layer.kernel.shape)
    return 0
