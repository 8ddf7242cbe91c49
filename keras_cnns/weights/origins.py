"""Whose names the tensors of a torch file bear, and what a larger network they were part of put before them."""

import re
from collections import Counter

import numpy as np

from keras_cnns.blocks.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from keras_cnns.registry.registry import registry
from keras_cnns.support.errors import UserError
from keras_cnns.weights import names
from keras_cnns.weights.formats.unwrap import AVERAGE

TORCH = ("torchvision", "timm", "efficientnet_pytorch")
SHARE = 0.15  # of all tensors, at least, in a part that may be the network


def recognised(name, arrays, source, net=None):
    """(origin, {our path: array}, notes): the part of `arrays` that is the network `name`, under our layers' names.

    A wrapper's prefix ("module.", "backbone.encoder.") is what leaves the most names that a rename table knows. Where
    several parts are the network (a student and its teacher), the average of weights is taken, else the first.

    Raises:
      UserError: no other library that writes torch files has this network.
    """
    origins = [o for o in TORCH if name in registry() and names.peer(name, o)]
    if not origins:
        raise UserError(f"{source} is written by torch, but no network of torchvision or timm is known to be {name!r}.")
    best, tied = (-1, None, None), []
    for prefix in _prefixes(arrays):
        part = {path.removeprefix(prefix): value for path, value in arrays.items() if path.startswith(prefix)}
        for origin in origins:
            renamed = names.rename(name, part, origin, net)
            known = len(part) - sum("." in path or path in part for path in renamed)
            if known > best[0]:
                best, tied = (known, origin, prefix), [prefix]
            elif known == best[0] > 0 and origin == best[1]:
                tied.append(prefix)
    _, origin, prefix = best
    prefix = next((p for p in tied if AVERAGE.search(p)), prefix)
    part = {path.removeprefix(prefix): value for path, value in arrays.items() if path.startswith(prefix)}
    notes = []
    if len(tied) > 1:
        others = ", ".join(p.rstrip(".") or "what has no prefix" for p in tied if p != prefix)
        notes.append(f"{prefix.rstrip('.') or 'what has no prefix'} was taken, {others} left.")
    elif len(part) < len(arrays):
        deep = prefix.count(".")
        others = {path: value for path, value in arrays.items() if not path.startswith(prefix) and np.size(value) > 1}
        beside = dict.fromkeys(".".join(path.replace("/", ".").strip(".").split(".")[:deep]) for path in others)
        if beside:  # a count of steps is nothing
            notes.append(f"all under {prefix.rstrip('.')} was taken, {', '.join(list(beside)[:4])} beside it left.")
    if pixels := _own_pixels(arrays):
        notes.append(
            f"its network prepares pixels itself ({pixels}), which is left: say preprocessing= if you want the same."
        )
    return origin, names.rename(name, part, origin, net), notes


def _own_pixels(arrays):
    """The mean and the deviation of pixels that lie among the weights, in words; "" where there are none, or the usual.

    Whoever puts them into the network as its first step keeps them as buffers: "0.mean", "normalize.std", "pixel_mean".
    """
    found = {
        path.replace("/", ".").strip("."): np.ravel(value) for path, value in arrays.items() if np.size(value) == 3
    }
    usual = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    said = {}
    for path, value in found.items():
        word = re.search(r"(?:^|[._])(mean|std)$", path)
        if word and not np.allclose(value, usual[word[1]], atol=1e-3):
            said[path] = np.round(value.astype("float64"), 4).tolist()
    return ", ".join(f"{path} {value}" for path, value in said.items())


def _prefixes(arrays):
    """Beginnings of names, up to a dot, that a good part of the names share; the shortest first."""
    counted = Counter()
    for path in arrays:
        parts = path.partition("/")[0].split(".")
        counted.update(".".join(parts[:n]) + "." for n in range(1, min(len(parts), 6)))
    common = [prefix for prefix, count in counted.items() if count >= SHARE * len(arrays)]
    return ["", *sorted(common, key=lambda prefix: prefix.count("."))]
