"""Other libraries' names in ours: one module a family, which says who else has its networks and what they call things.

A module holds

  PEERS    {origin: {our name: the network's name there}}, origins being "keras" (keras.applications), "torchvision" and
           "timm"; with options, "densenet201(block_config=(6, 12, 64, 48))", where they publish none of that name.
  keras(net), torchvision(net), timm(net)
           a list of (pattern, replacement) for `re.sub`, applied in turn to the other library's layer name
           ("conv_dw_1", "layer1.0.conv1"); the result is our layer's name. A replacement that ends in "/variable" names
           the variable too; "" drops the layer (an auxiliary classifier). Names that are ours must stay as they are.
  COLUMNS  optional: {origin or (origin, our name): columns}, what has to be built otherwise for their weights, such as
           numerics and preprocessing. Without it a row that follows Keras gets TORCH numerics for the other two.
  adapted  optional: {our path: array} of a torch file -> the same, where a tensor holds what ours does not.
"""

import ast
import re
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec

from keras_cnns.blocks.conv import TORCH
from keras_cnns.registry.registry import entry, registry

ORIGINS = ("keras", "torchvision", "timm")

# what the files of keras.applications' earlier releases call the class scores
KERAS = [(r"^(probs|fc1000|Logits)$", "predictions")]


def peers(origin) -> dict[str, str]:
    """Our names that `origin` has too, and its own names for them."""
    families = dict.fromkeys(found.family for found in registry().values())
    tables = [_table(family).get(origin, {}) for family in families]
    return {ours: theirs for table in tables for ours, theirs in table.items()}


def peer(name, origin) -> str | None:
    """What `origin` calls the network that we call `name`; `None` where it has none."""
    return _table(entry(name).family).get(origin, {}).get(name)


def constructor(theirs) -> tuple[str, dict]:
    """A peer's name and its options: "densenet201(block_config=(6, 12, 64, 48))"."""
    name, _, options = theirs.partition("(")
    keywords = [node for node in ast.walk(ast.parse(f"{name}({options or ')'}")) if isinstance(node, ast.keyword)]
    return name, {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in keywords}


def columns(name, origin) -> dict:
    """The columns that `origin`'s weights of `name` were trained with, where they are not the row's own."""
    if not peer(name, origin) or origin == "keras":
        return {}
    own = getattr(_module(entry(name).family), "COLUMNS", {})
    default = {"numerics": TORCH, "preprocessing": "torch"} if peer(name, "keras") else {}
    return own.get((origin, name), own.get(origin, default))


def rename(name, tensors, origin, net=None):
    """`tensors` ("layer/variable": array) of `origin`'s network that `name` also is, under our layers' names.

    net: the model's row, where it is not the published one.
    """
    found = entry(name)
    rules = getattr(_module(found.family), origin)(net or found.variant)
    if origin == "keras":
        tensors, rules = _numbered_from_zero(tensors), [*rules, *KERAS]
    renamed = {}
    for path, value in tensors.items():
        layer, _, variable = path.partition("/")
        with suppress(KeyError, IndexError):  # a name that the tables know no place for: it stays and is left over
            for pattern, replacement in rules:
                layer = re.sub(pattern, replacement, layer)
        if layer:
            renamed[layer if "/" in layer else f"{layer}/{variable}"] = value
    adapted = getattr(_module(found.family), "adapted", None)
    return adapted(renamed) if adapted and origin != "keras" else renamed


def _numbered_from_zero(tensors):
    """Layers that Keras named itself, "conv2d" or "conv2d_95", as "conv2d_0", "conv2d_1": its count goes on."""
    numbers = {}
    for path in tensors:
        match = re.fullmatch(r"(conv2d|batch_normalization)(?:_(\d+))?", path.split("/")[0])
        if match:
            numbers.setdefault(match[1], {})[int(match[2] or 0)] = match[0]
    new = {old: f"{kind}_{i}" for kind, found in numbers.items() for i, (_, old) in enumerate(sorted(found.items()))}
    renamed = {}
    for path, value in tensors.items():
        layer, _, variable = path.partition("/")
        renamed[f"{new.get(layer, layer)}/{variable}"] = value
    return renamed


def _module(family):
    return import_module(f"{__name__}.{family}")


def _table(family):
    return getattr(_module(family), "PEERS", {}) if find_spec(f"{__name__}.{family}") else {}
