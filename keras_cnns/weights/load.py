"""From a file, an address or a catalog name to a model's weights."""

from dataclasses import dataclass

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.errors import UserError
from keras_cnns.lazy import keras
from keras_cnns.registry import entry, registry
from keras_cnns.weights import renames
from keras_cnns.weights.assign import assign
from keras_cnns.weights.fetch import locate
from keras_cnns.weights.fit import fitted
from keras_cnns.weights.readers import read

OWN = "keras_cnns"


@dataclass(frozen=True)
class Weights:
    """A set of weights for the network called `name`, read and recognised, under our layers' names.

    kind: as read, "keras" or "torch". origin: "keras", "torchvision", "timm", or "keras_cnns" for files of our own.
    """

    name: str
    source: str
    kind: str
    origin: str
    tensors: dict

    @property
    def columns(self) -> dict:
        """What the model has to be built with: numerics and preprocessing come with the weights."""
        return {} if self.origin == OWN else renames.columns(self.name, self.origin)

    def into(self, model, net=None):
        """Assigns them to `model`, all or none."""
        full = any("predictions" in layer.name for layer in model.layers)
        head = () if full or self.name not in registry() else _head(self.name, net)
        assign(model, fitted(model, self.tensors, self.kind, head=head), source=self.source)


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
    known = name in registry()
    if tensors.kind == "keras":
        origin = "keras" if known and renames.peer(name, "keras") else OWN
    else:
        origin = _torch_origin(name, tensors.arrays, source)
    arrays = tensors.arrays if origin == OWN else renames.rename(name, tensors.arrays, origin, net)
    return Weights(name, str(source), tensors.kind, origin, arrays)


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
