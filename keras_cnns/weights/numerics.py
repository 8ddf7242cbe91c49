"""With whose numerics a file of this package was saved: it does not say so, but its layers show it.

A network built for torchvision's weights and saved under our names must be built in the same way again. Its padding
layers and the variables of its layers tell the numerics apart, and in a `.keras` file also the epsilons.
"""

import json
from dataclasses import replace

from keras_cnns.registry.assemble import assemble
from keras_cnns.registry.registry import entry
from keras_cnns.support.errors import UserError
from keras_cnns.weights import renaming
from keras_cnns.weights.formats.readers import Tensors

SHOWN = ("epsilon", "momentum", "padding", "scale", "offset")  # what a layer's configuration shows of the numerics


def columns(name, net, tensors, source) -> dict:
    """The columns that the network `name` has to be built with for `tensors`, which bear our layers' names.

    net: its row.

    Raises:
      UserError: the file shows too little to tell one from another.
    """
    rows = fitting(name, net, tensors)
    if rows[0] and any(row.get("numerics") != rows[0].get("numerics") for row in rows):
        raise UserError(
            f"{source} does not show which of {len(rows)} numerics it was trained with: "
            "save the whole model (.keras), or say `numerics=`."
        )
    return rows[0]


def fitting(name, net, tensors) -> list[dict]:
    """The choices under which the network has the layers of the file, the row as it stands before others.

    Where there is none, the row stays, and what does not fit is refused when weights are assigned.
    """
    rows = choices(name)
    if len(rows) == 1:
        return rows
    return [row for row in rows if fits(name, replace(net, **row), tensors)] or [{}]


def choices(name):
    """The row as it stands, and what has to be built otherwise for torchvision's and timm's weights."""
    rows = [{}]
    for origin in ("torchvision", "timm"):
        row = renaming.columns(name, origin)
        rows += [row] if row and row not in rows else []
    return rows


def suits(model, row, name):
    """Whether `model`, the network `name`, was built with these columns, as far as its layers show."""
    if len(choices(name)) == 1:
        return True
    shown = Tensors("keras", {v.path: v for v in model.weights}, {n.name: n.get_config() for n in model.layers})
    return fits(name, replace(entry(name).variant, **row), shown)


def fits(name, net, tensors):
    """Whether the network of that row has the padding layers of the file, and its layers their variables there."""
    there = tensors.layers
    here = features(name, net)
    if _padding(here) != _padding(there) or ("adaptive_pool" in there and not net.numerics.adaptive):
        return False
    variables = [path.partition("/")[0] for path in tensors.arrays]
    if any(layer.weights and len(layer.weights) != variables.count(n) for n, layer in here.items() if n in variables):
        return False
    return all(_shown(layer.get_config()) == _shown(there[n]) for n, layer in here.items() if there.get(n))


def _padding(names):
    """The layers that pad, also those that pool in two steps; auxiliary classifiers may be there or not."""
    return {n for n in names if n.endswith(("_pad", "_dense", "_crop")) and not n.startswith("aux")}


def _shown(config):
    return json.dumps([config.get(key) for key in SHOWN])  # a file's lists are tuples here


def features(name, net):
    """The layers before the classifier, by name."""
    levels = assemble(entry(name), net, features_only=True, drawn=False)
    return {layer.name: layer for layer in levels.layers}
