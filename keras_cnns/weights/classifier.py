"""The classifier in a file of weights, under whatever name its author gave it.

People replace the last layer of a network: by another Linear, by Sequential(Dropout, Linear), by a head of several
layers. A single Linear with as many inputs as our class scores is the classifier. Anything else is another head.
"""

import re
from typing import Any

import numpy as np

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.family.head import Levels
from keras_cnns.registry.assemble import assemble
from keras_cnns.registry.registry import Entry
from keras_cnns.support.lazy_imports import keras, layers
from keras_cnns.weights.names.table import Arrays

SCORES = "predictions"
BIAS = {"weight": "bias", "kernel": "bias", "0": "1"}  # the name of a bias, by that of its kernel
# Of self-supervised training, of metric learning (cosines, not logits), and of further tasks.
NO_CLASSIFIER = re.compile(
    r"proj|predictor|momentum|queue|embed|aux|(?<![a-z])arc(?![a-z])|arcface|arc_|cos|margin|metric|proto|cent(er|re)|cluster|rotat|jigsaw|domain",
    re.IGNORECASE,
)


def head_layers(network: Entry, net: Any = None) -> tuple[str, ...]:
    """The names of the layers with weights that the network does not have without its classifier."""
    if network.task != "classification":
        return ()
    net = net or network.variant
    x = keras.Input((8, 8, 8))  # the names do not depend on the size
    unit = ConvUnit(net.numerics, net.activation, net.initializer)
    scores = network.head.predict(Levels(x, {"C5": x}), net, unit, classes=2, activation=None)
    return tuple(layer.name for layer in keras.Model(x, scores).layers if layer.weights)


def adopt(
    network: Entry, net: Any, arrays: Arrays, *, known_layers: Any = (), beside: Arrays | None = None
) -> tuple[Arrays, bool, list[str]]:
    """Gives the file's classifier the name that ours has.

    Args:
      network: the entry of the registry.
      net: its row.
      arrays: {"layer/variable": array}, under our names as far as they are known.
      known_layers: the names of all layers in the file, where it names those without weights too.
      beside: arrays of the file that are not part of the network, such as "head.fc/weight".

    Returns:
      The arrays, with the classifier as "predictions/..."; whether they have a classifier; and the layers of `beside`
      that were taken.
    """
    head = head_layers(network, net)
    if SCORES not in head:  # a convolution scores the classes, or boxes and pixels are scored
        if network.task == "classification":
            arrays = _with_bias(arrays, network.head.scores[0])
        return arrays, any(path.startswith(network.head.scores[0]) for path in arrays), []
    foreign = [layer for layer in _matrices(arrays) if layer not in head]
    ours = any(f"{SCORES}/{variable}" in arrays for variable in BIAS)
    if ours and not foreign:
        return _with_bias(arrays), True, []
    candidates = [layer for layer in foreign or _matrices(beside or {}) if not NO_CLASSIFIER.search(layer)]
    if not candidates and not ours:
        return arrays, False, []
    fan_in = _fan_in(network, net)
    source = arrays if foreign else beside or {}
    if ours:
        return arrays, _takes(arrays, SCORES, fan_in), []
    fitting = [layer for layer in candidates if _takes(source, layer, fan_in)]
    if len(fitting) != 1 or (foreign and len(foreign) > 1) or any("max_pool" in name for name in known_layers):
        return arrays, False, []
    (layer,) = fitting
    own = {path: value for path, value in source.items() if path.rpartition("/")[0] == layer}
    if not all(np.ndim(value) <= 2 for value in own.values()) or len(own) > 2:
        return arrays, False, []
    kept = {path: value for path, value in arrays.items() if path not in own}
    if foreign and any(np.ndim(v) < 2 and _beside_the_head(path, layer) for path, v in kept.items()):
        return arrays, False, []
    renamed = {f"{SCORES}/{path.rpartition('/')[2]}": value for path, value in own.items()}
    return _with_bias(kept | renamed), True, [] if foreign else [layer]


def _matrices(arrays: Arrays) -> list[str]:
    """The layers that hold a matrix: dense layers."""
    return list(dict.fromkeys(path.rpartition("/")[0] for path, value in arrays.items() if np.ndim(value) == 2))


def _takes(arrays: Arrays, layer: str, fan_in: int) -> bool:
    """Whether the dense layer has `fan_in` inputs: rows in files of Keras, columns in files of torch."""
    for path, value in arrays.items():
        if path.rpartition("/")[0] == layer and np.ndim(value) == 2:
            return bool(value.shape[1 if path.endswith("/weight") else 0] == fan_in)
    return False


def _beside_the_head(path: str, layer: str) -> bool:
    """Whether a vector belongs to a normalization of the same head: "fc.1/weight" beside "fc.3"."""
    stem = layer.rpartition(".")[0]
    other = path.rpartition("/")[0]
    if stem:
        return other.rpartition(".")[0] == stem
    return bool(re.fullmatch(r"(batch|layer|group)_normalization(_\d+)?", other))


def _with_bias(arrays: Arrays, scores: str = SCORES) -> Arrays:
    """The arrays, with zeros for the bias of the class scores if they have none. scores: their layer."""
    for path, value in arrays.items():
        layer, _, variable = path.rpartition("/")
        if layer == scores and np.ndim(value) in (2, 4) and variable in BIAS:
            bias = f"{scores}/{BIAS[variable]}"
            if bias not in arrays:
                count = value.shape[0 if variable == "weight" else -1]
                return arrays | {bias: np.zeros(count, value.dtype)}
    return arrays


def _fan_in(network: Entry, net: Any) -> int:
    """The number of inputs of our class scores."""
    model = assemble(network, net or network.variant, classes=2, drawn=False)
    scores = model.get_layer(SCORES)
    return int(scores.kernel.shape[0]) if isinstance(scores, layers.Dense) else 0
