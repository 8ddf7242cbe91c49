"""From a file, an address or the name of a publisher to the weights of a model."""

import json
import os
import warnings
from dataclasses import replace
from typing import Any

from keras_cnns.family.variant import OnBackbone
from keras_cnns.registry.registry import Entry, backbone, entry, registry
from keras_cnns.saving.card import read_card
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.lazy_imports import keras
from keras_cnns.support.validation import kind
from keras_cnns.weights import detectron2, imagenet, numerics, renaming
from keras_cnns.weights import preprocessing as pixels
from keras_cnns.weights.backbone import OfBackbone, is_of_backbone
from keras_cnns.weights.beside import Beside, known
from keras_cnns.weights.catalog import SOURCES, published
from keras_cnns.weights.classifier import adopt
from keras_cnns.weights.download import IMAGENET, locate
from keras_cnns.weights.formats import keras_hub
from keras_cnns.weights.formats.folders import file_in
from keras_cnns.weights.formats.readers import Tensors, read
from keras_cnns.weights.network_of import network_of
from keras_cnns.weights.origins import recognised
from keras_cnns.weights.presets import weights_of
from keras_cnns.weights.weights import OWN, Weights

__all__ = ["Weights", "load_weights", "network_of", "read_weights"]


def load_weights(model: Any, source: str | os.PathLike[str]) -> None:
    """Loads weights written by this package, keras.applications, torchvision, timm and others into `model`.

    >>> model = keras_cnns.build("resnet50_v1_5", classes=10)
    >>> keras_cnns.weights.load_weights(model, "torchvision")     # everything except the class scores

    The names in the file tell which library wrote it. If the model has another number of classes or of input channels,
    its class scores keep their values or its first kernel is adapted, and a warning says so. The numerics of the model
    do not change, and a warning says if the weights were trained with others: `build(name, weights=source)` builds with
    theirs.

    Args:
      model: a `keras.Model` from `build`.
      source: a file (`.h5`, `.weights.h5`, `.keras`, `.safetensors`, `.pth`), a folder of a hub, an address (https://
        or file://, with `#sha256=...` at its end if the digest is known), or "keras", "torchvision", "timm" or "yolox"
        for the weights that this library publishes, which are downloaded once. "imagenet" is the first of them that
        publishes any.

    Raises:
      UserError: the source cannot be found or read, or holds weights of another network or values that are not finite.
        The model keeps its weights.
    """
    if not isinstance(model, keras.Model) or not model.built:
        raise UnreadableFile(f"{kind(model)} cannot be given weights: pass a keras.Model that is built.")
    name = network_of(model)
    weights = read_weights(name, source)
    weights.assign_to(model)
    if name not in registry():
        return
    if not any(numerics.suits(model, columns, name) for columns in weights.choices()):
        warnings.warn(
            f"{model.name} was built with other numerics (padding, epsilon) than {source} was trained with: "
            "its outputs will differ. `build(name, weights=...)` builds with theirs.",
            stacklevel=2,
        )
    usual = None if weights.origin == OWN else entry(name).variant.preprocessing
    there = weights.columns(entry(name).variant, ("numerics",)).get("preprocessing", usual)
    here = pixels.preprocessing(Tensors("keras", {v.path: v.numpy() for v in model.weights}, graph=described(model)))
    if here is not None and there is not None and here != there:
        warnings.warn(
            f"{model.name} prepares pixels as {here!r}, and {source} was trained with {there!r}: its outputs "
            "will differ. `build(name, weights=..., include_preprocessing=True)` builds with theirs.",
            stacklevel=2,
        )
    elif here is None and weights.pixels() is not None:
        warnings.warn(
            f"the network in {source} takes pixels from 0 to 255, and {model.name} does not: build it with "
            "include_preprocessing=True.",
            stacklevel=2,
        )


def described(model: Any) -> dict[str, Any]:
    """The model as its file would describe it."""
    return {"class_name": type(model).__name__, "config": json.loads(model.to_json())["config"]}


def read_weights(name: str, source: str | os.PathLike[str], net: Any = None) -> Any:
    """Finds and reads `source`, and recognises the library that wrote it.

    Args:
      name: our name of the network.
      source: as for `load_weights`.
      net: the row of the model, if it is not the published one.

    Returns:
      `Weights`, or `OfBackbone` if the source has only what the network stands on.

    Raises:
      UserError: the source cannot be found or read, or is of another network.
    """
    network = registry().get(name)
    on_backbone = network is not None and isinstance(network.variant, OnBackbone)
    sets = published(name)
    if network and on_backbone and (source == IMAGENET and not sets or source in SOURCES and source not in sets):
        return _of_backbone(network, source, net)
    path = locate(name, source)
    if network and (folder := keras_hub.folder_of(path)):
        return _of_backbone(network, source, net) if on_backbone else weights_of(network, keras_hub.read(folder), net)
    path = file_in(path)
    tensors = read(path)
    if network and on_backbone and is_of_backbone(tensors.arrays):
        return _of_backbone(network, source, net)
    labels = imagenet.labels(path) or (read_card(path).labels if tensors.kind == "keras" else ())
    if tensors.kind == "torch":
        part = recognised(name, tensors.arrays, source, net)
        if tensors.about.get("openmmlab") and any("." in layer for layer in part.arrays):
            raise UnreadableFile(
                f"{source} is a checkpoint of OpenMMLab, whose names of layers are known here for its ResNet, ResNeXt "
                f"and Wide ResNet, not for this {name}: save the state_dict under torchvision's names."
            )
        beside, notes = _known(part.origin, name, path, net, tensors.about)
        labels = tensors.about.get("labels", labels)
        tensors = replace(tensors, arrays=part.arrays, notes=(*tensors.notes, *part.notes, *notes))
        return Weights(name, str(source), part.origin, tensors, beside, beside.labels or labels, part.has_classifier)
    if network is None:
        return Weights(name, str(source), OWN, tensors, labels=labels)
    origin, arrays = OWN, tensors.arrays
    if renaming.peer(name, "keras"):
        arrays = renaming.rename(name, tensors.arrays, "keras", net)
        origin = OWN if list(arrays) == list(tensors.arrays) else "keras"  # our own files have our names already
    arrays, has_classifier, _ = adopt(network, net or network.variant, arrays, known_layers=tensors.layers)
    tensors = replace(tensors, arrays=arrays)
    return Weights(name, str(source), origin, tensors, labels=labels, has_classifier=has_classifier)


def _known(origin: str, name: str, path: Any, net: Any, about: dict[str, Any]) -> tuple[Beside, list[str]]:
    """What is known about a file of torch besides its tensors, and notes about what was assumed."""
    if origin == "detectron2":
        columns, notes = detectron2.columns(name, about.get("author", ""), path)
        return Beside(columns, origin), notes
    if about.get("style") == "caffe" and name.endswith("_v1_5"):
        raise UnreadableFile(
            f"{path} is of OpenMMLab's ResNet of style 'caffe', which has the stride of {name.removesuffix('_v1_5')}, "
            f"not of {name}."
        )
    library = origin in ("torchvision", "timm", "transformers")
    return (known(name, path, net, about.get("architecture", "")) if library else Beside()), []


def _of_backbone(network: Entry, source: Any, net: Any) -> OfBackbone:
    row: Any = net or network.variant
    base = backbone(row)
    return OfBackbone(network.name, read_weights(base.name, source, base.variant))
