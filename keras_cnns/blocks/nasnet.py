"""The cells of NASNet-A. Zoph et al. 2017, 1707.07012, Fig. 4."""

from typing import Any

from keras_cnns.blocks.conv import ConvUnit
from keras_cnns.blocks.own_layers import own
from keras_cnns.blocks.separable import separable
from keras_cnns.support.lazy_imports import layers
from keras_cnns.support.types import Tensor

Pair = tuple[tuple[str, str], tuple[str, str]]

# The blocks of a cell: two inputs, each with its operation, which are added. "h" is the output of the cell before,
# "p" that of the one before it, and "1" the output of the first block.
NORMAL: tuple[Pair, ...] = (
    (("h", "sep5"), ("p", "sep3")),
    (("p", "sep5"), ("p", "sep3")),
    (("h", "avg3"), ("p", "identity")),
    (("p", "avg3"), ("p", "avg3")),
    (("h", "sep3"), ("h", "identity")),
)
REDUCTION: tuple[Pair, ...] = (
    (("h", "sep5"), ("p", "sep7")),
    (("h", "max3"), ("p", "sep7")),
    (("h", "avg3"), ("p", "sep5")),
    (("1", "avg3"), ("2", "identity")),
    (("1", "sep3"), ("h", "max3")),
)


def normal_cell(x: Tensor, p: Tensor, filters: int, *, halve: bool, unit: ConvUnit, name: str) -> Tensor:
    """[batch, height, width, channels] -> [batch, height, width, 6 * filters].

    Args:
      x, p: the outputs of the cell before, and of the one before it.
      filters: of each block.
      halve: whether p is twice as large as x.
    """
    p = adjusted(p, filters, halve=halve, unit=unit, name=f"{name}_adjust")
    blocks = _blocks(NORMAL, _squeezed(x, filters, unit, name), p, filters, 1, unit, name)
    return layers.Concatenate(name=f"{name}_concat")([p, *blocks])


def reduction_cell(x: Tensor, p: Tensor | None, filters: int, *, halve: bool, unit: ConvUnit, name: str) -> Tensor:
    """[batch, height, width, channels] -> [batch, height / 2, width / 2, 4 * filters]. Arguments as for a normal cell.

    p may be None, in the first cell; x takes its place.
    """
    p = x if p is None else adjusted(p, filters, halve=halve, unit=unit, name=f"{name}_adjust")
    _, *blocks = _blocks(REDUCTION, _squeezed(x, filters, unit, name), p, filters, 2, unit, name)
    return layers.Concatenate(name=f"{name}_concat")(blocks)


def _squeezed(x: Tensor, filters: int, unit: ConvUnit, name: str) -> Tensor:
    return unit(unit.act(x, name=f"{name}_1x1_preact"), filters, 1, activation=None, name=f"{name}_1x1")


def _blocks(
    table: tuple[Pair, ...], h: Tensor, p: Tensor, filters: int, stride: int, unit: ConvUnit, name: str
) -> list[Tensor]:
    """The outputs of the blocks. Operations on h and p have the stride of the cell."""
    values: dict[str, Tensor] = {"h": h, "p": p}
    options: dict[str, Any] = {"filters": filters, "unit": unit}
    for i, pair in enumerate(table, start=1):
        sides = [
            _operation(
                values[source], kind, stride=stride if source in "hp" else 1, name=f"{name}_{side}{i}", **options
            )
            for (source, kind), side in zip(pair, ("left", "right"), strict=True)
        ]
        values[str(i)] = layers.Add(name=f"{name}_add{i}")(sides)
    return [values[str(i)] for i in range(1, len(table) + 1)]


def _operation(x: Tensor, kind: str, *, filters: int, stride: int, unit: ConvUnit, name: str) -> Tensor:
    if kind == "identity":
        return x
    kernel = int(kind[-1])
    if kind.startswith("sep"):
        for i, s in enumerate((stride, 1), start=1):
            x = unit.act(x, name=f"{name}_preact{i}")
            x = separable(x, filters, kernel=kernel, stride=s, unit=unit, name=f"{name}_sepconv{i}")
        return x
    pool = layers.MaxPooling2D if kind.startswith("max") else layers.AveragePooling2D
    if stride == 1:
        return pool(kernel, 1, "same", name=name)(x)
    if None in x.shape[1:3]:
        x = own.SamePadding2D(kernel, name=f"{name}_pad")(x)
    else:
        sides = tuple((kernel // 2 - (side % 2 == 0), kernel // 2) for side in x.shape[1:3])
        x = layers.ZeroPadding2D(sides, name=f"{name}_pad")(x)
    return pool(kernel, stride, name=name)(x)  # the zeros count, in the mean and in the maximum


def adjusted(p: Tensor, filters: int, *, halve: bool, unit: ConvUnit, name: str) -> Tensor:
    """p with `filters` channels, and half its height and width if `halve`.

    Halving takes every second position, and, in the second half of the channels, the positions between these.
    """
    if not halve:
        if p.shape[-1] == filters:
            return p
        return unit(unit.act(p, name=f"{name}_preact"), filters, 1, activation=None, name=name)
    p = unit.act(p, name=f"{name}_preact")
    shifted = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_shift_pad")(p)
    shifted = layers.Cropping2D(((1, 0), (1, 0)), name=f"{name}_shift")(shifted)
    halves = []
    for i, x in enumerate((p, shifted), start=1):
        x = layers.AveragePooling2D(1, 2, name=f"{name}_{i}_subsample")(x)
        halves.append(unit.conv(x, filters // 2, 1, name=f"{name}_{i}"))
    return unit.norm(layers.Concatenate(name=f"{name}_concat")(halves), name=name)
