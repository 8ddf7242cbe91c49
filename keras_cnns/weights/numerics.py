"""The numerics that a file of this package was saved with. The file does not state them, but its layers show them.

A network that was built for torchvision's weights and saved under our names must be built in the same way again. The
padding layers and the variables of each layer distinguish the numerics, and in a `.keras` file the epsilons do as well.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from keras_cnns.registry.assemble import assemble
from keras_cnns.registry.registry import entry
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.weights import renaming
from keras_cnns.weights.formats.readers import Tensors

SHOWN = ("epsilon", "momentum", "padding", "scale", "offset")  # keys of a layer's configuration


def columns(name: str, net: Any, tensors: Tensors, source: object) -> dict[str, Any]:
    """The columns that the network `name` must be built with for `tensors`, whose names are ours.

    Args:
      name: our name of the network.
      net: its row.
      tensors: of the file.
      source: of the file, for the message.

    Raises:
      UserError: the file does not distinguish the numerics.
    """
    rows = fitting(name, net, tensors)
    if rows[0] and any(row.get("numerics") != rows[0].get("numerics") for row in rows):
        raise UnreadableFile(
            f"{source} does not show which of {len(rows)} numerics it was trained with: "
            "save the whole model (.keras), or set numerics=."
        )
    return rows[0]


def fitting(name: str, net: Any, tensors: Tensors) -> list[dict[str, Any]]:
    """The sets of columns with which the network has the layers of the file; those of the row itself come first.

    If there is none, the row does not change, and the assignment of the weights then fails.
    """
    rows = choices(name)
    if len(rows) == 1:
        return rows
    return [row for row in rows if fits(name, replace(net, **row), tensors)] or [{}]


def choices(name: str) -> list[dict[str, Any]]:
    """No columns, and those that differ for the weights of torchvision and timm."""
    rows: list[dict[str, Any]] = [{}]
    for origin in ("torchvision", "timm"):
        row = renaming.columns(name, origin)
        rows += [row] if row and row not in rows else []
    return rows


def suits(model: Any, row: dict[str, Any], name: str) -> bool:
    """Whether `model`, the network `name`, was built with these columns, as far as its layers show."""
    if len(choices(name)) == 1:
        return True
    shown = Tensors("keras", {v.path: v for v in model.weights}, {n.name: n.get_config() for n in model.layers})
    return fits(name, replace(entry(name).variant, **row), shown)


def fits(name: str, net: Any, tensors: Tensors) -> bool:
    """Whether the network of that row has the padding layers of the file, and each of its layers the same variables."""
    there = tensors.layers
    here = features(name, net)
    if _padding(here) != _padding(there) or ("adaptive_pool" in there and not net.numerics.adaptive):
        return False
    variables = [path.partition("/")[0] for path in tensors.arrays]
    if any(layer.weights and len(layer.weights) != variables.count(n) for n, layer in here.items() if n in variables):
        return False
    return all(_shown(layer.get_config()) == _shown(there[n]) for n, layer in here.items() if there.get(n))


def _padding(names: Iterable[str]) -> set[str]:
    """The layers that pad, or pool in two steps. Auxiliary classifiers do not count: a file may have none."""
    return {n for n in names if n.endswith(("_pad", "_dense", "_crop")) and not n.startswith("aux")}


def _shown(config: dict[str, Any]) -> str:
    return json.dumps([config.get(key) for key in SHOWN])  # tuples are lists in files


def features(name: str, net: Any) -> dict[str, Any]:
    """{name: layer} of the network without its classifier."""
    levels = assemble(entry(name), net, features_only=True, drawn=False)
    return {layer.name: layer for layer in levels.layers}
