"""Rename tables: one module a family, one function an origin - `keras(net)`, `torchvision(net)`, `timm(net)`.

Each returns a list of (pattern, replacement) for `re.sub`, applied in turn to the other library's layer name
("conv_dw_1", "layer1.0.conv1"); the result is our layer's name. Names of variables are the same for all families.
"""

import re
from importlib import import_module

from keras_cnns.registry import entry


def rename(name, tensors, origin):
    """`tensors` ("layer/variable": array) of `origin`'s network that `name` also is, under our names."""
    found = entry(name)
    rules = getattr(import_module(f"{__name__}.{found.family}"), origin)(found.variant)
    renamed = {}
    for path, value in tensors.items():
        layer, _, variable = path.partition("/")
        for pattern, replacement in rules:
            layer = re.sub(pattern, replacement, layer)
        renamed[f"{layer}/{variable}"] = value
    return renamed
