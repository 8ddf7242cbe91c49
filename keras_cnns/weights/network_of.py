"""Which network of the registry a model is, when its user gave it another name."""

from typing import Any

import numpy as np

from keras_cnns.family.head import GLOBAL_POOLING
from keras_cnns.family.variant import OnBackbone
from keras_cnns.registry.registry import counts, entry, registry
from keras_cnns.support.lazy_imports import layers
from keras_cnns.weights import numerics


def network_of(model: Any) -> str:
    """The name in `list_models()` of a `keras.Model` that `build` made.

    The layers of a model from `build` know the name. For others the number of variables and the strides decide; the
    model's own name is returned if no network fits.
    """
    if model.name in registry():
        return str(model.name)
    names = {vars(layer).get("keras_cnns_network") for layer in model.layers} - {None}
    if len(names) == 1:
        return str(names.pop())
    weights = [v for layer in model.layers for v in layer.weights if not isinstance(layer, layers.Normalization)]
    total = sum(int(np.prod(v.shape)) for v in weights)
    # the layer "predictions", or "predictions_conv" where the pooling comes last
    scores = [v for v in weights if v.path.startswith("predictions")]
    if not scores:
        return _network_of_features(model, total)
    classes = scores[-1].shape[-1]
    own = sum(int(np.prod(v.shape)) for v in scores)
    candidates = [
        name
        for name, count in counts().items()
        if count.get("params") == total - own + own // classes * entry(name).variant.classes
    ]
    fitting = (name for name in candidates if len(candidates) == 1 or _strides_alike(model, name))
    return next(fitting, str(model.name))


def _network_of_features(model: Any, total: int) -> str:
    """The same of a model without its classifier, which has `total` numbers in its variables."""
    width, shapes = model.outputs[0].shape[-1], {v.path: tuple(v.shape) for v in model.weights}
    for name, count in counts().items():
        network = entry(name)
        params = count.get("params")
        one_dense_layer = network.head is GLOBAL_POOLING
        classifier = (width + 1) * network.variant.classes
        if params is None or (params != total + classifier if one_dense_layer else params <= total):
            continue
        if isinstance(network.variant, OnBackbone):
            continue
        features = numerics.features(name, network.variant)
        there = {v.path: tuple(v.shape) for layer in features.values() for v in layer.weights}
        if there == shapes and _strides_alike(model, name, features):
            return name
    return str(model.name)


def _strides_alike(model: Any, name: str, features: dict[str, Any] | None = None) -> bool:
    """Whether the network called `name` has the model's convolutions with the same strides.

    Some networks, such as ResNet-50 and its v1.5, differ in nothing else.
    """
    own = {layer.name: _strides(layer) for layer in model.layers}
    features = features or numerics.features(name, entry(name).variant)
    return all(own.get(n) == _strides(layer) for n, layer in features.items() if layer.weights and _strides(layer))


def _strides(layer: Any) -> Any:
    """The strides of a convolution or pooling, None of other layers."""
    return layer.get_config().get("strides")
