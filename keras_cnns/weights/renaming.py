"""Renames the tensors of other libraries' files: the tables in names/, applied."""

import ast
import re
from contextlib import suppress
from typing import Any

from keras_cnns.blocks.conv import TORCH
from keras_cnns.registry.registry import entry, registry
from keras_cnns.weights.names import (
    alexnet,
    bit,
    convnext,
    convnext_v2,
    deeplab_v3,
    densenet,
    efficientnet,
    efficientnet_lite,
    efficientnet_v2,
    fcn,
    fpn,
    googlenet,
    inception_resnet,
    inception_v3,
    inception_v4,
    lr_aspp,
    mnasnet,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    mobilenet_v4,
    nasnet,
    regnet,
    resnet,
    resnet_v2,
    resnext,
    retinanet,
    se_resnet,
    squeezenet,
    ssd,
    ssdlite,
    vgg,
    wide_resnet,
    xception,
    yolox,
)
from keras_cnns.weights.names.table import Arrays, Names

TABLES: dict[str, Names] = {
    "alexnet": alexnet.NAMES,
    "bit": bit.NAMES,
    "convnext": convnext.NAMES,
    "convnext_v2": convnext_v2.NAMES,
    "deeplab_v3": deeplab_v3.NAMES,
    "densenet": densenet.NAMES,
    "efficientnet": efficientnet.NAMES,
    "efficientnet_lite": efficientnet_lite.NAMES,
    "efficientnet_v2": efficientnet_v2.NAMES,
    "fcn": fcn.NAMES,
    "fpn": fpn.NAMES,
    "googlenet": googlenet.NAMES,
    "inception_resnet": inception_resnet.NAMES,
    "inception_v3": inception_v3.NAMES,
    "inception_v4": inception_v4.NAMES,
    "lr_aspp": lr_aspp.NAMES,
    "mnasnet": mnasnet.NAMES,
    "mobilenet_v1": mobilenet_v1.NAMES,
    "mobilenet_v2": mobilenet_v2.NAMES,
    "mobilenet_v3": mobilenet_v3.NAMES,
    "mobilenet_v4": mobilenet_v4.NAMES,
    "nasnet": nasnet.NAMES,
    "regnet": regnet.NAMES,
    "resnet": resnet.NAMES,
    "resnet_v2": resnet_v2.NAMES,
    "resnext": resnext.NAMES,
    "retinanet": retinanet.NAMES,
    "se_resnet": se_resnet.NAMES,
    "squeezenet": squeezenet.NAMES,
    "ssd": ssd.NAMES,
    "ssdlite": ssdlite.NAMES,
    "vgg": vgg.NAMES,
    "wide_resnet": wide_resnet.NAMES,
    "xception": xception.NAMES,
    "yolox": yolox.NAMES,
}
NO_NAMES = Names({}, {})  # a family that no other library has
ORIGINS = ("keras", "torchvision", "timm")

# layer names of the class scores in files of earlier releases of keras.applications
KERAS = [(r"^(probs|fc1000|Logits)$", "predictions")]


def peers(origin: str) -> dict[str, str]:
    """{our name: the name in `origin`} of all networks that `origin` has too."""
    families = dict.fromkeys(network.family for network in registry().values())
    tables = [names_of(family).peers.get(origin, {}) for family in families]
    return {ours: theirs for table in tables for ours, theirs in table.items()}


def peer(name: str, origin: str) -> str | None:
    """The name in `origin` of the network that we call `name`; `None` if `origin` does not have it."""
    return names_of(entry(name).family).peers.get(origin, {}).get(name)


def constructor(theirs: str) -> tuple[str, dict[str, Any]]:
    """The name and the options in a peer's name such as "densenet201(block_config=(6, 12, 64, 48))"."""
    name, _, options = theirs.partition("(")
    keywords = [node for node in ast.walk(ast.parse(f"{name}({options or ')'}")) if isinstance(node, ast.keyword)]
    return name, {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in keywords}


def columns(name: str, origin: str) -> dict[str, Any]:
    """The columns of the row `name` that differ for weights of `origin`."""
    if not peer(name, origin) or origin.startswith("keras"):  # what differs in KerasHub's is in its configuration
        return {}
    own = names_of(entry(name).family).columns
    default = {"numerics": TORCH, "preprocessing": "torch"} if peer(name, "keras") else {}
    return dict(own.get((origin, name), own.get(origin, default)))


def rename(name: str, tensors: Arrays, origin: str, net: Any = None) -> Arrays:
    """`tensors` ("layer/variable": array) of a file of `origin`, under the names of our layers.

    A tensor whose name the tables do not know keeps its name.

    Args:
      name: our name of the network.
      origin: the library that wrote the file.
      net: the row of the model, if it is not the published one.
    """
    network = entry(name)
    table = names_of(network.family)
    rules = table.rules[origin](net or network.variant)
    if origin == "keras":
        tensors, rules = _numbered_from_zero(tensors), [*rules, *KERAS]
    renamed = {}
    for path, value in tensors.items():
        layer, _, variable = path.partition("/")
        with suppress(KeyError, IndexError):  # a number beyond the network's blocks: the name stays as it is
            for pattern, replacement in rules:
                layer = re.sub(pattern, replacement, layer)
        if layer:
            renamed[layer if "/" in layer else f"{layer}/{variable}"] = value
    return renamed if origin.startswith("keras") else table.adapted(renamed)


def _numbered_from_zero(tensors: Arrays) -> Arrays:
    """Renumbers layers that Keras named itself: "conv2d" and "conv2d_95" become "conv2d_0" and "conv2d_1".

    Keras counts on from one model to the next, so the numbers in a file depend on what was built before.
    """
    numbers: dict[str, dict[int, str]] = {}
    for path in tensors:
        match = re.fullmatch(r"(conv2d|batch_normalization)(?:_(\d+))?", path.split("/")[0])
        if match:
            numbers.setdefault(match[1], {})[int(match[2] or 0)] = match[0]
    new = {old: f"{kind}_{i}" for kind, layers in numbers.items() for i, (_, old) in enumerate(sorted(layers.items()))}
    renamed = {}
    for path, value in tensors.items():
        layer, _, variable = path.partition("/")
        renamed[f"{new.get(layer, layer)}/{variable}"] = value
    return renamed


def names_of(family: str) -> Names:
    """The table of a family."""
    return TABLES.get(family, NO_NAMES)
