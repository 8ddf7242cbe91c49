"""From a file, an address or a catalog name to a model's weights."""

import warnings
from dataclasses import dataclass, replace

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.lazy import keras
from keras_cnns.registry import entry, registry
from keras_cnns.weights import numerics, renames
from keras_cnns.weights.assign import assign
from keras_cnns.weights.fetch import locate
from keras_cnns.weights.fit import fitted
from keras_cnns.weights.origins import recognised
from keras_cnns.weights.readers import Tensors, read

OWN = "keras_cnns"


@dataclass(frozen=True)
class Weights:
    """A set of weights for the network called `name`, read and recognised, under our layers' names.

    origin: "keras", "torchvision", "timm", or "keras_cnns" for files of our own. tensors: their arrays, renamed.
    """

    name: str
    source: str
    origin: str
    tensors: Tensors

    def columns(self, net, said=()) -> dict:
        """What a model of the row `net` has to be built with: numerics and preprocessing come with the weights.

        said: the columns that the caller decides.
        """
        if self.origin != OWN or self.name not in registry():
            return self.choices()[0]
        return {} if "numerics" in said else numerics.columns(self.name, net, self.tensors, self.source)

    def choices(self) -> list[dict]:
        """The same, as far as it shows: a file of our own may fit several."""
        if self.name not in registry():
            return [{}]
        if self.origin == OWN:
            return numerics.fitting(self.name, entry(self.name).variant, self.tensors)
        return [renames.columns(self.name, self.origin)]

    def into(self, model, net=None):
        """Assigns them to `model`, all or none."""
        full = any("predictions" in layer.name for layer in model.layers)
        head = () if full or self.name not in registry() else _head(self.name, net)
        for note in self.tensors.notes:
            warnings.warn(f"{self.source}: {note}", stacklevel=4)
        assign(model, fitted(model, self.tensors.arrays, self.tensors.kind, head=head), source=self.source)


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
        published weights of that library, downloaded once.

    Raises:
      UserError: the source cannot be had or read, or holds the weights of another network, or values that are not
        finite; the model keeps the weights it had.
    """
    weights = read_weights(model.name, source)
    weights.into(model)
    if model.name in registry() and not any(numerics.suits(model, row) for row in weights.choices()):
        warnings.warn(
            f"{model.name} was built with other numerics (padding, epsilon) than {source} was trained with: "
            "its answers will differ. `build(name, weights=...)` builds with theirs.",
            stacklevel=2,
        )


def read_weights(name, source, net=None) -> Weights:
    """Fetches and reads `source`, and recognises who wrote it.

    net: the model's row, where it is not the published one.
    """
    tensors = read(locate(name, source))
    if tensors.kind == "torch":
        origin, arrays, notes = recognised(name, tensors.arrays, source, net)
        return Weights(name, str(source), origin, replace(tensors, arrays=arrays, notes=(*tensors.notes, *notes)))
    if name not in registry() or not renames.peer(name, "keras"):
        return Weights(name, str(source), OWN, tensors)
    arrays = renames.rename(name, tensors.arrays, "keras", net)
    ours = list(arrays) == list(tensors.arrays)  # they are our names already
    return Weights(name, str(source), OWN if ours else "keras", replace(tensors, arrays=arrays))


def _head(name, net):
    """The names of the layers that are not there without the classifier."""
    net = net or entry(name).variant
    x = keras.Input((8, 8, 8))  # names depend on no size
    unit = ConvUnit(net.numerics, net.activation, net.initializer)
    top = entry(name).head(x, net, unit, classes=2, activation=None)
    return tuple(layer.name for layer in keras.Model(x, top).layers if layer.weights)
