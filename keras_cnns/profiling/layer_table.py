"""What a network costs and sees: a row for each layer, with its sizes, its costs and its receptive field."""

import math
from collections import Counter
from dataclasses import asdict, dataclass

from keras_cnns.graph.calls import Calls
from keras_cnns.graph.kinds import LINEAR, MOVES, POOLINGS, SEPARABLE
from keras_cnns.profiling.macs import macs
from keras_cnns.profiling.receptive_field import fields


@dataclass(frozen=True)
class LayerProfile:
    """One call of a layer. Shapes are without the batch.

    name: the path, nested models in front. stage: the name up to its first underscore. kind: the layer's class.
    inputs: the shape of each input. kernel, stride: by axis; () where there is none. padding: "same", "valid", or the
    positions added ("1+1, 1+1"). params: of all variables, 0 for a shared layer's second use. macs: multiply-adds of
    one picture. memory: bytes of the output. field, jump, start: the receptive field by axis in pixels of the input:
    its size (infinite: the whole picture), the step to the next position's, the centre of the first one (0.5: that of
    the first pixel); () where it is not known.
    """

    name: str
    stage: str
    kind: str
    inputs: tuple
    shape: tuple
    kernel: tuple
    stride: tuple
    padding: str
    params: int
    trainable: int
    macs: int
    memory: int
    field: tuple
    jump: tuple
    start: tuple

    def to_dict(self):
        """As plain values that JSON has: the field of a position that sees the whole picture is "all"."""
        row = asdict(self)
        row["field"] = ["all" if math.isinf(n) else _whole(n) for n in self.field]
        row["jump"] = [_whole(n) for n in self.jump]
        row["start"] = [None if math.isnan(n) else n for n in self.start]
        return row


@dataclass(frozen=True)
class Profile:
    """The rows in the order of computation, which are also what iterating over it gives.

    uncounted: kind of layer or operation -> how many calls of it are in `macs` with 0: arithmetic that papers do not
    count (normalization, pooling, sums), kinds that are not known, and convolutions of pictures of open size.
    """

    layers: tuple
    uncounted: dict

    @property
    def params(self):
        return sum(layer.params for layer in self.layers)

    @property
    def trainable(self):
        return sum(layer.trainable for layer in self.layers)

    @property
    def macs(self):
        return sum(layer.macs for layer in self.layers)

    @property
    def memory(self):
        """Bytes of all outputs together, as training keeps them for one picture."""
        return sum(layer.memory for layer in self.layers)

    @property
    def totals(self):
        return {key: getattr(self, key) for key in ("params", "trainable", "macs", "memory")}

    def __iter__(self):
        return iter(self.layers)

    def __len__(self):
        return len(self.layers)

    def __getitem__(self, key):
        """A row by its number, or by its name."""
        if isinstance(key, str):
            return next((row for row in self.layers if row.name == key), None) or self._missing(key)
        return self.layers[key]

    def _missing(self, name):
        from keras_cnns.support.errors import BadArgument, nearest

        raise BadArgument(f"there is no layer {name!r}.{nearest(name, [row.name for row in self.layers])}")


def profile(model) -> Profile:
    """The layers of a functional model, nested models laid flat, each call of a shared layer by itself.

    Nothing is computed with the model: all is read off its graph. Multiply-accumulates are those of convolutions, dense
    layers and matrix products for one picture, the padding's zeros included, as papers count them.

    Raises:
      UserError: the model has no graph (a subclassed model, one that was never built).
    """
    calls = Calls(model)
    rows: list = []
    uncounted: Counter = Counter()
    for call, seen in zip(calls, fields(calls), strict=True):
        cost = macs(call)
        if cost is None and type(call.operation) not in MOVES:
            open_size = isinstance(call.operation, (*LINEAR, *SEPARABLE))
            uncounted[f"{call.kind} of open size" if open_size else call.kind] += 1
        rows.append(_row(call, cost or 0, seen or ()))
    return Profile(tuple(rows), dict(uncounted))


def totals(model) -> dict:
    """params, trainable and macs of the whole model."""
    found = profile(model)
    return {key: getattr(found, key) for key in ("params", "trainable", "macs")}


def _row(call, cost, seen):
    layer = call.operation
    folders, _, last = call.name.rpartition("/")
    windowed = isinstance(layer, (*LINEAR, *SEPARABLE, *POOLINGS))
    kernel = (getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)) if windowed else None
    return LayerProfile(
        name=call.name,
        stage=f"{folders}/{last.split('_')[0]}".lstrip("/"),
        kind=call.kind,
        inputs=tuple(ref.shape[1:] for ref in call.inputs),
        shape=call.shape,
        kernel=_tuple(kernel),
        stride=_tuple(getattr(layer, "strides", None)) if kernel else (),
        padding=_padding(layer),
        params=_count(layer, "weights") if call.first else 0,
        trainable=_count(layer, "trainable_weights") if call.first else 0,
        macs=cost,
        memory=sum(_bytes(ref) for ref in call.outputs),
        field=tuple(f.size for f in seen),
        jump=tuple(f.jump for f in seen),
        start=tuple(f.start for f in seen),
    )


def _count(layer, kind):
    return sum(math.prod(w.shape) for w in getattr(layer, kind, []))


def _bytes(ref):
    """0 where the size is open."""
    bits = "".join(c for c in ref.dtype if c.isdigit())
    return 0 if None in ref.shape[1:] else math.prod(ref.shape[1:]) * (int(bits) // 8 if bits else 1)


def _padding(layer):
    padding = getattr(layer, "padding", "")
    if isinstance(padding, str):
        return padding
    if isinstance(padding, int):
        return f"{padding}+{padding}"
    return ", ".join("+".join(map(str, _tuple(side))) for side in padding)


def _tuple(value):
    if value is None:
        return ()
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _whole(number):
    return int(number) if number == int(number) else number
