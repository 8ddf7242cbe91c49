"""From a file, an address or a catalog name to a model's weights."""

from dataclasses import dataclass, replace

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.errors import UserError
from keras_cnns.lazy import keras
from keras_cnns.registry import entry, registry
from keras_cnns.weights import renames
from keras_cnns.weights.assign import assign
from keras_cnns.weights.fetch import locate
from keras_cnns.weights.fit import fitted
from keras_cnns.weights.numerics import columns as own_columns
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
        if self.origin == OWN and self.name in registry() and "numerics" not in said:
            return own_columns(self.name, net, self.tensors, self.source)
        return renames.columns(self.name, self.origin) if self.origin in renames.ORIGINS else {}

    def into(self, model, net=None):
        """Assigns them to `model`, all or none."""
        full = any("predictions" in layer.name for layer in model.layers)
        head = () if full or self.name not in registry() else _head(self.name, net)
        assign(model, fitted(model, self.tensors.arrays, self.tensors.kind, head=head), source=self.source)


def load_weights(model, source):
    """Loads weights made by keras.applications, torchvision, timm or this package into `model`.

    The names in the file say who wrote it. A model for another number of classes gets everything before its class
    scores, and one for another number of input channels an adapted first kernel; a warning says so. The numerics of the
    model stay as they are: `build(name, weights=source)` builds with those the weights were trained with.

    Args:
      model: made by `build`, called as it was called there.
      source: a file (`.h5`, `.weights.h5`, `.keras`, `.safetensors`, `.pth`), an address (https:// or file://, with
        `#sha256=...` at its end where the digest is known), or one of "keras", "torchvision" and "timm": the
        published weights of that library, downloaded once.

    Raises:
      UserError: the source cannot be had or read, or holds the weights of another network, or values that are not
        finite; the model keeps the weights it had.
    """
    read_weights(model.name, source).into(model)


def read_weights(name, source, net=None) -> Weights:
    """Fetches and reads `source`, and recognises who wrote it.

    net: the model's row, where it is not the published one.
    """
    tensors = read(locate(name, source))
    if tensors.kind == "torch":
        origin = _torch_origin(name, tensors.arrays, source)
    else:
        origin = "keras" if name in registry() and renames.peer(name, "keras") else OWN
    if origin != OWN:
        arrays = renames.rename(name, tensors.arrays, origin, net)
        if origin == "keras" and list(arrays) == list(tensors.arrays):  # they are our names already
            origin = OWN
        tensors = replace(tensors, arrays=arrays)
    return Weights(name, str(source), origin, tensors)


def _torch_origin(name, arrays, source):
    """Whose names they are: the rename table knows them all, and so no dot is left in them."""
    origins = [o for o in ("torchvision", "timm") if name in registry() and renames.peer(name, o)]
    if not origins:
        raise UserError(f"{source} is written by torch, but no network of torchvision or timm is known to be {name!r}.")
    unknown = {o: sum("." in path for path in renames.rename(name, arrays, o)) for o in origins}
    return min(origins, key=unknown.get)


def _head(name, net):
    """The names of the layers that are not there without the classifier."""
    net = net or entry(name).variant
    x = keras.Input((8, 8, 8))  # names depend on no size
    unit = ConvUnit(net.numerics, net.activation, net.initializer)
    top = entry(name).head(x, net, unit, classes=2, activation=None)
    return tuple(layer.name for layer in keras.Model(x, top).layers if layer.weights)
