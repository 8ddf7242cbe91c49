"""From a file, an address or a catalog name to a model's weights."""

import json
import warnings
from dataclasses import dataclass, field, replace

import numpy as np

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.registry.registry import backbone, counts, entry, registry
from keras_cnns.saving.card import read_card
from keras_cnns.support.errors import UserError
from keras_cnns.support.lazy_imports import keras, layers
from keras_cnns.support.validation import kind
from keras_cnns.weights import imagenet, numerics
from keras_cnns.weights import names as renames
from keras_cnns.weights import preprocessing as pixels
from keras_cnns.weights.assign import assign
from keras_cnns.weights.backbone import OfBackbone, is_of_backbone
from keras_cnns.weights.beside import Beside, ambiguous, known
from keras_cnns.weights.catalog import SOURCES, published
from keras_cnns.weights.download import IMAGENET, locate
from keras_cnns.weights.fit import fitted
from keras_cnns.weights.formats.folders import file_in
from keras_cnns.weights.formats.readers import Tensors, read
from keras_cnns.weights.origins import recognised

OWN = "keras_cnns"


@dataclass(frozen=True)
class Weights:
    """A set of weights for the network called `name`, read and recognised, under our layers' names.

    origin: "keras", "torchvision", "timm", "efficientnet_pytorch", or "keras_cnns" for files of our own.
    tensors: their arrays, renamed. beside: what else is known of the file. labels: of its classes, where known.
    """

    name: str
    source: str
    origin: str
    tensors: Tensors
    beside: Beside = field(default_factory=Beside)
    labels: tuple = ()

    def columns(self, net, said=()) -> dict:
        """What a model of the row `net` has to be built with: numerics and preprocessing come with the weights.

        said: the columns that the caller decides.
        """
        if self.origin != OWN or self.name not in registry():
            columns = self.choices()[0]
        else:
            columns = {} if "numerics" in said else numerics.columns(self.name, net, self.tensors, self.source)
        inside = self.pixels()
        return columns if inside in (None, pixels.UNKNOWN) else columns | {"preprocessing": inside}

    def choices(self) -> list[dict]:
        """The same, as far as it shows: a file of our own may fit several."""
        if self.name not in registry():
            return [{}]
        if self.origin == OWN:
            return numerics.fitting(self.name, entry(self.name).variant, self.tensors)
        return [renames.columns(self.name, self.origin) | self.beside.columns]

    def pixels(self):
        """The preprocessing inside the file's network; `None` where it has none, or `pixels.UNKNOWN`."""
        return pixels.preprocessing(self.tensors) if self.tensors.kind == "keras" else None

    def classes(self):
        """The number of classes that the file's classifier has, `None` where it has none."""
        for layer, ground in (("predictions", 0), ("score", 0), ("class_scores", 1)):
            found = (self.tensors.arrays.get(f"{layer}/{variable}") for variable in ("bias", "1"))
            count = next((len(value) - ground for value in found if np.ndim(value) == 1), None)
            if count is not None:
                return count
        return None

    def told(self, net, include_preprocessing, said=()):
        """Warns of what was assumed about pixels and numerics, and says how to say otherwise.

        include_preprocessing: `None` where the caller said nothing.
        """
        inside = self.pixels()
        if inside is not None and include_preprocessing is None:
            _warn(
                f"the network in {self.source} takes pixels from 0 to 255, and {self.name} is built without that: say "
                "include_preprocessing=True, or include_preprocessing=False to prepare pictures yourself."
            )
        if not include_preprocessing or "preprocessing" in said:
            unsure = False
        else:
            unsure = inside is pixels.UNKNOWN or (inside is None and self.origin == OWN)
        if unsure:
            _warn(
                f"{self.source} does not show what its network made of pixels: {net.preprocessing!r} is assumed; say "
                "preprocessing= if it was another."
            )
        hub = self.tensors.kind == "torch" and (self.origin == "timm" or self.source.endswith((".safetensors", ".bin")))
        choices = ambiguous(self.name) if hub and not self.beside.origin and self.source not in SOURCES else []
        if len(choices) > 1 and not {"numerics", "preprocessing"} <= set(said):
            names = list(dict.fromkeys(architecture for architecture, _ in choices))
            assumed = (renames.peer(self.name, "timm") or names[0]).partition("(")[0]
            _warn(
                f"nothing beside {self.source} says which of timm's recipes it comes from ({', '.join(names)}; "
                f"pixels as {' or '.join(dict.fromkeys(pixels for _, pixels in choices))}): {assumed} with pixels as "
                f"{net.preprocessing!r} is assumed; keep its config.json beside it, or say numerics=, preprocessing=."
            )

    def into(self, model, net=None):
        """Assigns them to `model`, all or none."""
        known = self.name in registry() and not hasattr(entry(self.name).variant, "backbone")
        head = _head(self.name, net) if known else ()
        assign(model, fitted(model, self.tensors.arrays, self.tensors.kind, head=head), source=self.source)
        for note in self.tensors.notes:
            _warn(f"{self.source}: {note}")


def _warn(text):
    warnings.warn(text, stacklevel=4)


def load_weights(model, source):
    """Loads weights made by keras.applications, torchvision, timm or this package into `model`.

    The names in the file say who wrote it. A model for another number of classes gets everything before its class
    scores, and one for another number of input channels an adapted first kernel; a warning says so. The numerics of the
    model stay as they are, and a warning says where the weights were trained with others: `build(name, weights=source)`
    builds with theirs.

    Args:
      model: made by `build`, called as it was called there.
      source: a file (`.h5`, `.weights.h5`, `.keras`, `.safetensors`, `.pth`), an address (https:// or file://, with
        `#sha256=...` at its end where the digest is known), or one of "keras", "torchvision" and "timm": the
        published weights of that library, downloaded once; "imagenet": the first of them that publishes any.

    Raises:
      UserError: the source cannot be had or read, or holds the weights of another network, or values that are not
        finite; the model keeps the weights it had.
    """
    if not isinstance(model, keras.Model) or not model.built:
        raise UserError(f"{kind(model)} takes no weights: give a keras.Model that is built.")
    name = network_of(model)
    weights = read_weights(name, source)
    weights.into(model)
    if name not in registry():
        return
    if not any(numerics.suits(model, row, name) for row in weights.choices()):
        warnings.warn(
            f"{model.name} was built with other numerics (padding, epsilon) than {source} was trained with: "
            "its answers will differ. `build(name, weights=...)` builds with theirs.",
            stacklevel=2,
        )
    usual = None if weights.origin == OWN else entry(name).variant.preprocessing
    there = weights.columns(entry(name).variant, ("numerics",)).get("preprocessing", usual)
    here = pixels.preprocessing(Tensors("keras", {v.path: v.numpy() for v in model.weights}, graph=described(model)))
    if here is not None and there is not None and here != there:
        warnings.warn(
            f"{model.name} makes of pixels what {here!r} says, and {source} was trained with {there!r}: its answers "
            "will differ. `build(name, weights=..., include_preprocessing=True)` builds with theirs.",
            stacklevel=2,
        )
    elif here is None and weights.pixels() is not None:
        _warn(f"the network in {source} takes pixels from 0 to 255, {model.name} does not: include_preprocessing=True.")


def described(model):
    """The model as its file would describe it."""
    return {"class_name": type(model).__name__, "config": json.loads(model.to_json())["config"]}


def network_of(model) -> str:
    """The name in `list_models()` of a model that `build` made, also when its user gave it another."""
    if model.name in registry():
        return model.name
    made = {layer.__dict__.get("_keras_cnns_network") for layer in model.layers} - {None}
    if len(made) == 1:
        return made.pop()
    weights = [v for layer in model.layers for v in layer.weights if not isinstance(layer, layers.Normalization)]
    total = sum(int(np.prod(v.shape)) for v in weights)
    scores = [v for v in weights if v.path.startswith("predictions/")]
    if not scores:
        return _network_of_features(model, total)
    classes = scores[-1].shape[-1]
    own = sum(int(np.prod(v.shape)) for v in scores)
    found = [
        name
        for name, count in counts().items()
        if count.get("params") == total - own + own // classes * entry(name).variant.classes
    ]
    return next((name for name in found if len(found) == 1 or _strides_alike(model, name)), model.name)


def _network_of_features(model, total):
    """The same of a model without its classifier: of those that may have so many variables, the one with its layers."""
    width, shapes = model.outputs[0].shape[-1], {v.path: tuple(v.shape) for v in model.weights}
    for name, count in counts().items():
        classes, params = entry(name).variant.classes, count.get("params")
        plain = not hasattr(entry(name).module, "head")  # one dense layer behind the last level
        if params is None or (params != total + (width + 1) * classes if plain else params <= total):
            continue
        if hasattr(entry(name).variant, "backbone"):
            continue
        features = numerics.features(name, entry(name).variant)
        there = {v.path: tuple(v.shape) for layer in features.values() for v in layer.weights}
        if there == shapes and _strides_alike(model, name, features):
            return name
    return model.name


def _strides_alike(model, name, features=None):
    """Whether the network called `name` has the model's layers, and each its strides: some differ in nothing else."""
    own = {layer.name: getattr(layer, "strides", None) for layer in model.layers}
    features = features or numerics.features(name, entry(name).variant)
    convolutions = {n: layer.strides for n, layer in features.items() if layer.weights and hasattr(layer, "strides")}
    return all(own.get(n) == strides for n, strides in convolutions.items())


def read_weights(name, source, net=None) -> Weights:
    """Fetches and reads `source`, and recognises who wrote it.

    net: the model's row, where it is not the published one.
    """
    row = entry(name) if name in registry() else None
    on_top = row is not None and row.variant.task != "classification"
    theirs = published(name)
    if on_top and (source == IMAGENET and not theirs or source in SOURCES and source not in theirs):
        return _of_backbone(row, source, net)
    path = file_in(locate(name, source))
    tensors = read(path)
    if on_top and is_of_backbone(tensors.arrays):
        return _of_backbone(row, source, net)
    labels = imagenet.labels(path) or (read_card(path).labels if tensors.kind == "keras" else ())
    if tensors.kind == "torch":
        origin, arrays, notes = recognised(name, tensors.arrays, source, net)
        found = known(name, path) if origin in ("torchvision", "timm") else Beside()
        tensors = replace(tensors, arrays=arrays, notes=(*tensors.notes, *notes))
        return Weights(name, str(source), origin, tensors, found, found.labels or labels)
    if name not in registry() or not renames.peer(name, "keras"):
        return Weights(name, str(source), OWN, tensors, labels=labels)
    arrays = renames.rename(name, tensors.arrays, "keras", net)
    ours = list(arrays) == list(tensors.arrays)  # they are our names already
    return Weights(name, str(source), OWN if ours else "keras", replace(tensors, arrays=arrays), labels=labels)


def _of_backbone(found, source, net):
    base = backbone(net or found.variant)
    return OfBackbone(found.name, read_weights(base.name, source, base.variant))


def _head(name, net):
    """The names of the layers that are not there without the classifier."""
    net = net or entry(name).variant
    x = keras.Input((8, 8, 8))  # names depend on no size
    unit = ConvUnit(net.numerics, net.activation, net.initializer)
    top = entry(name).head(x, net, unit, classes=2, activation=None)
    return tuple(layer.name for layer in keras.Model(x, top).layers if layer.weights)
