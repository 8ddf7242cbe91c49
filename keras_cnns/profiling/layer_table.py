"""The layer table: the sizes, costs and receptive field of each layer of a network."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from keras_cnns.graph.calls import Call, Calls
from keras_cnns.graph.kinds import LINEAR, MOVES, POOLINGS, SEPARABLE
from keras_cnns.profiling.macs import macs
from keras_cnns.profiling.receptive_field import Field, fields


@dataclass(frozen=True)
class LayerProfile:
    """One call of a layer. Shapes are without the batch.

    Attributes:
      name: path of the layer; names of nested models come first, separated by "/".
      stage: the name up to its first underscore.
      kind: class of the layer.
      inputs: shape of each input.
      shape: of the output.
      kernel, stride: by axis; () if the layer has none.
      padding: "same", "valid", or the positions added on each side ("1+1, 1+1").
      params, trainable: number of values in all and in the trainable variables; 0 for later calls of a shared layer.
      macs: multiply-accumulates of one picture.
      memory: size of the outputs, bytes.
      field, jump, start: receptive field by axis, in pixels of the input: its size (infinite: the whole picture), the
        distance to that of the next position, and the centre of the first one (0.5 is the centre of the first pixel).
        () if it is not known.
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

    def to_dict(self) -> dict:
        """The row as JSON values. The field of a position that sees the whole picture is "all"."""
        row = asdict(self)
        row["field"] = ["all" if math.isinf(n) else _without_fraction(n) for n in self.field]
        row["jump"] = [_without_fraction(n) for n in self.jump]
        row["start"] = [None if math.isnan(n) else n for n in self.start]
        return row


@dataclass(frozen=True)
class Profile:
    """The layer table of a network. Iterating over it gives the rows in the order of computation.

    Attributes:
      layers: the rows.
      uncounted: {kind of layer or operation: number of its calls that `macs` counts as 0}. These are arithmetic that
        papers do not count (normalization, pooling, sums), unknown kinds, and convolutions whose size is not known.
    """

    layers: tuple
    uncounted: dict

    @property
    def params(self) -> int:
        """Number of parameters of all layers, trainable or not."""
        return sum(layer.params for layer in self.layers)

    @property
    def trainable(self) -> int:
        """Number of trainable values."""
        return sum(layer.trainable for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one picture."""
        return sum(layer.macs for layer in self.layers)

    @property
    def memory(self) -> int:
        """Size of all outputs together, bytes: what training keeps for one picture."""
        return sum(layer.memory for layer in self.layers)

    @property
    def totals(self) -> dict[str, int]:
        """The four sums by name."""
        return {key: getattr(self, key) for key in ("params", "trainable", "macs", "memory")}

    def __iter__(self) -> Iterator[LayerProfile]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, key: int | str) -> LayerProfile:
        """A row by its index or its name. Raises UserError if there is no layer of that name."""
        if isinstance(key, str):
            return next((row for row in self.layers if row.name == key), None) or self._missing(key)
        return self.layers[key]

    def _missing(self, name: str) -> NoReturn:
        from keras_cnns.support.errors import BadArgument, nearest

        raise BadArgument(f"there is no layer {name!r}.{nearest(name, [row.name for row in self.layers])}")


def profile(model: Any) -> Profile:
    """The layer table of a functional model, read from its graph without running it.

    Nested models are expanded, and each call of a shared layer has a row. Multiply-accumulates are those of
    convolutions, dense layers and matrix products for one picture; zeros of the padding count, as in papers.

    Raises:
      UserError: the model has no graph (a subclassed model, or one that is not built).

    Example:
      profile(build("vgg16"))["conv1_1_conv"].macs  # 86704128
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


def totals(model: Any) -> dict[str, int]:
    """ "params", "trainable" and "macs" of the whole model."""
    table = profile(model)
    return {key: getattr(table, key) for key in ("params", "trainable", "macs")}


def _row(call: Call, cost: int, seen: tuple[Field, ...]) -> LayerProfile:
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


def _count(layer: Any, kind: str) -> int:
    return sum(math.prod(w.shape) for w in getattr(layer, kind, []))


def _bytes(ref: Any) -> int:
    """Size of one tensor in bytes; 0 if its shape is not known."""
    bits = "".join(c for c in ref.dtype if c.isdigit())
    return 0 if None in ref.shape[1:] else math.prod(ref.shape[1:]) * (int(bits) // 8 if bits else 1)


def _padding(layer: Any) -> str:
    """The padding as text, see `LayerProfile`."""
    padding = getattr(layer, "padding", "")
    if isinstance(padding, str):
        return padding
    if isinstance(padding, int):
        return f"{padding}+{padding}"
    return ", ".join("+".join(map(str, _tuple(side))) for side in padding)


def _tuple(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _without_fraction(number: float) -> float:
    """An integral number as int, any other unchanged."""
    return int(number) if number == int(number) else number
